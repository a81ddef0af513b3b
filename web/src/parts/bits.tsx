// Small parts that every view uses.
import type { ComponentChildren } from 'preact';
import type { LinkState } from '../api/stream';
import type { Health } from '../api/types';
import { shortId, shortName } from '../format';
import { address } from '../state/route';

const healthSymbols: Record<Health, string> = { good: '○', warning: '▲', fault: '■', unknown: '?' };
const healthNames: Record<Health, string> = { good: 'good', warning: 'warning', fault: 'fault', unknown: 'not known' };

// Shape, word and colour say the same.
export function HealthWord({ health }: { health: Health }) {
	return <span class={`health health-${health}`}><span aria-hidden="true">{healthSymbols[health] ?? '?'}</span> {healthNames[health] ?? health}</span>;
}

export function Problem({ text }: { text: string }) {
	return text ? <p class="problem" role="alert">{text}</p> : null;
}

export function Nothing({ children }: { children: ComponentChildren }) {
	return <p class="nothing">{children}</p>;
}

export function StatementLink({ id, children }: { id: string | null | undefined; children?: ComponentChildren }) {
	if (!id)
		return <span class="dim">{children ?? '–'}</span>;
	return <a class="id" href={address('statement', id)} title={id}>{children ?? shortId(id)}</a>;
}

export function Name({ name }: { name: string }) {
	return <span title={name}>{shortName(name)}</span>;
}

export function Figure({ name, value, note, attention }: { name: string; value: ComponentChildren; note?: ComponentChildren; attention?: boolean }) {
	return (
		<div class={'figure' + (attention ? ' attention' : '')}>
			<dt>{name}</dt>
			<dd>{value}{note ? <span class="dim note">{note}</span> : null}</dd>
		</div>
	);
}

const linkWords: Record<LinkState, string> = { connecting: 'connecting', live: 'live', down: 'not live' };

export function LinkPill({ name, state, title }: { name: string; state: LinkState; title: string }) {
	return <span class={`pill pill-${state}`} title={title}><span aria-hidden="true">{state === 'live' ? '●' : state === 'down' ? '✕' : '◌'}</span> {name} <span class="pill-word">{linkWords[state]}</span></span>;
}

export function Switch<T extends string>({ label, value, options, change }: { label: string; value: T; options: { id: T; label: string }[]; change: (id: T) => void }) {
	return (
		<div class="switch" role="group" aria-label={label}>
			{options.map((option) => <button type="button" key={option.id} aria-pressed={option.id === value} onClick={() => change(option.id)}>{option.label}</button>)}
		</div>
	);
}
