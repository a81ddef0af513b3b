// A statement's body: members by name, ids that are statements as links, times as times.
import { iso, none, shortName, words } from '../format';
import { StatementLink } from './bits';

const statements = new Set(['registration', 'bounds', 'model', 'command', 'target']);

// A moment, not a duration.
function isTime(name: string, value: unknown): boolean {
	return /_(ns|ms)$/.test(name) && Number(value) > 1e11;
}

function Value({ name, value }: { name: string; value: unknown }) {
	if (value === null || value === undefined || value === '')
		return <span class="dim">{none}</span>;
	if (isTime(name, value))
		return <>{iso(name.endsWith('_ns') ? Number(value) / 1e6 : Number(value))}</>;
	if (typeof value === 'boolean')
		return <>{value ? 'yes' : 'no'}</>;
	if (typeof value === 'number')
		return <>{String(value)}</>;
	if (typeof value === 'string') {
		if (statements.has(name) && /^[0-9a-f]{64}$/.test(value))
			return <StatementLink id={value}>{value}</StatementLink>;
		return <span class={/^[0-9a-f]{32,}$/.test(value) ? 'id breaking' : ''}>{value.length > 200 && !value.includes(' ') ? value.slice(0, 96) + ` … (${value.length / 2} bytes)` : value}</span>;
	}
	if (Array.isArray(value))
		return <List name={name} items={value as unknown[]} />;
	return <Body body={value as Record<string, unknown>} />;
}

function List({ name, items }: { name: string; items: unknown[] }) {
	const first = items[0];
	if (items.length === 0)
		return <span class="dim">none</span>;
	if (typeof first !== 'object' || first === null)
		return <ul class="plain-list">{items.map((item, i) => <li key={i}><Value name={name} value={item} /></li>)}</ul>;
	const columns = Object.keys(first);
	return (
		<div class="scroll">
			<table class="list">
				<thead><tr>{columns.map((c) => <th key={c} class={typeof (first as Record<string, unknown>)[c] === 'number' ? 'number' : ''}>{words(c)}</th>)}</tr></thead>
				<tbody>{items.map((item, i) => <tr key={i}>{columns.map((c) => <td key={c} class={typeof (item as Record<string, unknown>)[c] === 'number' ? 'number' : ''}><Short name={c} value={(item as Record<string, unknown>)[c]} /></td>)}</tr>)}</tbody>
			</table>
		</div>
	);
}

// In tables ids and names are cut.
function Short({ name, value }: { name: string; value: unknown }) {
	if (typeof value !== 'string')
		return <Value name={name} value={value} />;
	if (statements.has(name) && /^[0-9a-f]{64}$/.test(value))
		return <StatementLink id={value} />;
	return name === 'device' ? <span title={value}>{shortName(value)}</span> : <Value name={name} value={value} />;
}

export function Body({ body }: { body: Record<string, unknown> }) {
	return (
		<dl class="body">
			{Object.entries(body).map(([name, value]) => <div key={name}><dt>{words(name.replace(/_(ns|ms)$/, (unit) => (isTime(name, value) ? '' : unit)))}</dt><dd><Value name={name} value={value} /></dd></div>)}
		</dl>
	);
}
