// An anchor covers all machines of a hall. In the lineage of one machine's statement, what an anchor says about the
// others is true but beside the point: this leaves it out.
import type { Trace } from '../api/types';

export function concerning(trace: Trace): { trace: Trace; hidden: number } {
	const nodes = new Map(trace.nodes.map((n) => [n.id, n])), root = nodes.get(trace.root);
	if (!root || root.type === 'anchor')
		return { trace, hidden: 0 };
	const edges = trace.edges.filter((e) => {
		const from = nodes.get(e.from), to = nodes.get(e.to);
		return from && to && !(from.type === 'anchor' && ['registration', 'bounds', 'model'].includes(e.why) && to.sub !== root.sub && to.sub.startsWith('dev:'));
	});
	const reached = new Set([trace.root]);
	for (const id of reached)
		for (const e of edges)
			if (e.from === id)
				reached.add(e.to);
	const kept = trace.nodes.filter((n) => reached.has(n.id));
	return { trace: { ...trace, nodes: kept, edges: edges.filter((e) => reached.has(e.from) && reached.has(e.to)) }, hidden: trace.nodes.length - kept.length };
}
