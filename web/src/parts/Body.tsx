// A statement's body: members by name, ids that are statements as links, times as times.
import { figure, iso, none, words } from '../format';
import { StatementLink } from './bits';

const statements = new Set(['registration', 'bounds', 'model', 'command', 'target']);

function Value({ name, value }: { name: string; value: unknown }) {
	if (value === null || value === undefined || value === '')
		return <span class="dim">{none}</span>;
	if (typeof value === 'boolean')
		return <>{value ? 'yes' : 'no'}</>;
	if (typeof value === 'number') {
		if (/_(ns|ms)$/.test(name) && value > 1e11)
			return <>{iso(name.endsWith('_ns') ? value / 1e6 : value)}</>;
		return <>{Number.isInteger(value) ? String(value) : figure(value)}</>;
	}
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
				<thead><tr>{columns.map((c) => <th key={c}>{words(c)}</th>)}</tr></thead>
				<tbody>{items.map((item, i) => <tr key={i}>{columns.map((c) => <td key={c}><Short name={c} value={(item as Record<string, unknown>)[c]} /></td>)}</tr>)}</tbody>
			</table>
		</div>
	);
}

// In tables ids are cut.
function Short({ name, value }: { name: string; value: unknown }) {
	return statements.has(name) && typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? <StatementLink id={value} /> : <Value name={name} value={value} />;
}

export function Body({ body }: { body: Record<string, unknown> }) {
	return (
		<dl class="body">
			{Object.entries(body).map(([name, value]) => <div key={name}><dt>{words(name)}</dt><dd><Value name={name} value={value} /></dd></div>)}
		</dl>
	);
}
