// What the ledger says about a machine's bounds: deadlines and where the numbers come from. Asked for once per version.
import { signal } from '@preact/signals';
import { node } from './app';

export interface Bound { signal: string; unit: string; low: number; high: number; rate: number; resolution: number; deadline_ms: number }
export interface BoundsBody { version: number; bounds: Bound[]; source: string }

const known = signal<Record<string, BoundsBody>>({});
const asked = new Set<string>();

export function boundsOf(id: string | null | undefined): BoundsBody | null {
	const found = id ? known.value[id] : undefined;
	if (found)
		return found;
	const here = node.value;
	if (id && here && !asked.has(id)) {
		asked.add(id);
		here.statement(id).then((statement) => {
			known.value = { ...known.peek(), [id]: statement.body as unknown as BoundsBody };
		}, () => setTimeout(() => asked.delete(id), 5000));
	}
	return null;
}
