// The page's address: #/view/id?name=value. Everything that a reader may want to pass on stands in it.
import { signal } from '@preact/signals';

export interface Route { view: string; id: string; query: URLSearchParams }

function parse(): Route {
	const hash = location.hash.replace(/^#\/?/, '');
	const cut = hash.indexOf('?');
	const path = cut < 0 ? hash : hash.slice(0, cut);
	const slash = path.indexOf('/');
	let id = slash < 0 ? '' : path.slice(slash + 1);
	try {
		id = decodeURIComponent(id);
	} catch {
		// A percent sign that is none: take it as it stands.
	}
	return { view: slash < 0 ? path : path.slice(0, slash), id, query: new URLSearchParams(cut < 0 ? '' : hash.slice(cut + 1)) };
}

export const route = signal<Route>(parse());

window.addEventListener('hashchange', () => {
	const before = route.peek();
	route.value = parse();
	if (route.value.view !== before.view || route.value.id !== before.id)
		window.scrollTo(0, 0);
});

export function address(view: string, id = '', query: Record<string, string> = {}): string {
	const parameters = new URLSearchParams(query).toString();
	return '#/' + view + (id ? '/' + encodeURIComponent(id) : '') + (parameters ? '?' + parameters : '');
}

// Change the query without a new entry in the history.
export function replaceQuery(query: Record<string, string>): void {
	const { view, id } = route.peek();
	history.replaceState(null, '', address(view, id, query));
	route.value = parse();
}

export function go(to: string): void {
	location.hash = to;
}
