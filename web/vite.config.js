// One page, one script, one style sheet: few enough to be embedded in the program (tools/embed).
import { defineConfig } from 'vite';

// Vite's development server puts style sheets into the page itself, which the page's policy forbids.
const withoutPolicy = {
	name: 'without-policy',
	apply: 'serve',
	transformIndexHtml: (html) => html.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, ''),
};

export default defineConfig({
	base: './',
	plugins: [withoutPolicy],
	esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
	build: {
		target: 'es2022',
		outDir: 'dist',
		emptyOutDir: true,
		cssCodeSplit: false,
		modulePreload: false,
		assetsInlineLimit: 0,
		rollupOptions: {
			output: {
				entryFileNames: 'assets/dashboard.js',
				assetFileNames: 'assets/dashboard[extname]',
				inlineDynamicImports: true,
			},
		},
	},
	// `npm run dev` against the mock of the browser test, or any node: NODE_URL=http://... npm run dev
	server: {
		host: '127.0.0.1',
		port: 5173,
		proxy: {
			'/api': { target: process.env.NODE_URL || 'http://127.0.0.1:8190', changeOrigin: true },
		},
	},
});
