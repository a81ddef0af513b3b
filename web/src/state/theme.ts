// Light, dark, or as the system has it.
import { signal } from '@preact/signals';

export type Theme = 'auto' | 'light' | 'dark';
const key = 'tally-theme';

function stored(): Theme {
	const value = localStorage.getItem(key);
	return value === 'light' || value === 'dark' ? value : 'auto';
}

export const theme = signal<Theme>(stored());
// Counts changes of the colours in force: canvases, which do not follow style sheets, draw again.
export const repaint = signal(0);

export function applyTheme(): void {
	document.documentElement.dataset['theme'] = theme.value;
	repaint.value++;
}

export function nextTheme(): void {
	theme.value = theme.value === 'auto' ? 'light' : theme.value === 'light' ? 'dark' : 'auto';
	localStorage.setItem(key, theme.value);
	applyTheme();
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => repaint.value++);

// A custom property's colour as it is now; light-dark() is resolved only where a colour is used.
export function colour(name: string): string {
	const probe = document.createElement('i');
	probe.style.color = `var(${name})`;
	document.body.append(probe);
	const value = getComputedStyle(probe).color;
	probe.remove();
	return value;
}
