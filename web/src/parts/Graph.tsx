// The lineage as a picture: nodes are buttons, laid out by dagre, edges are drawn behind them.
import dagre from '@dagrejs/dagre';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Trace, TraceEdge, TraceNode } from '../api/types';
import { moment, readable, shortName, words } from '../format';

const NODE_WIDTH = 186, NODE_HEIGHT = 78;
const ZOOM_READABLE = 0.72, HEIGHT_LEAST = 300;

interface Placed { node: TraceNode; x: number; y: number }
interface Drawn { edge: TraceEdge; path: string; label: { x: number; y: number } }
interface Layout { width: number; height: number; nodes: Placed[]; edges: Drawn[] }

function curve(points: { x: number; y: number }[]): string {
	const [first, ...rest] = points;
	if (!first)
		return '';
	let path = `M${first.x.toFixed(1)},${first.y.toFixed(1)}`;
	for (let i = 0; i < rest.length - 1; i++) {
		const a = rest[i] as { x: number; y: number }, b = rest[i + 1] as { x: number; y: number };
		path += `Q${a.x.toFixed(1)},${a.y.toFixed(1)} ${((a.x + b.x) / 2).toFixed(1)},${((a.y + b.y) / 2).toFixed(1)}`;
	}
	const last = rest[rest.length - 1] ?? first;
	return path + `L${last.x.toFixed(1)},${last.y.toFixed(1)}`;
}

// An issuer's edge is left out unless it is wanted, or nothing else leads to a statement or away from it.
function drawnEdges(trace: Trace, issuers: boolean): TraceEdge[] {
	const otherwise = new Set(trace.edges.filter((e) => e.why !== 'issuer').map((e) => e.to));
	const onward = new Set(trace.edges.filter((e) => e.why !== 'issuer').map((e) => e.from));
	const taken = new Set<string>();
	return trace.edges.filter((e) => {
		if (e.why !== 'issuer' || issuers || !onward.has(e.from))
			return true;
		if (otherwise.has(e.to) || taken.has(e.to))
			return false;
		taken.add(e.to);
		return true;
	});
}

function layOut(trace: Trace, issuers: boolean): Layout {
	const graph = new dagre.graphlib.Graph({ multigraph: true });
	graph.setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 38, edgesep: 8, marginx: 8, marginy: 8 });
	graph.setDefaultEdgeLabel(() => ({}));
	for (const node of trace.nodes)
		graph.setNode(node.id, { width: NODE_WIDTH, height: NODE_HEIGHT });
	const edges = drawnEdges(trace, issuers);
	edges.forEach((edge, i) => graph.setEdge(edge.from, edge.to, {}, String(i)));
	dagre.layout(graph);
	const size = graph.graph() as { width?: number; height?: number };
	return {
		width: size.width ?? 0, height: size.height ?? 0,
		nodes: trace.nodes.map((node) => {
			const at = graph.node(node.id) as { x: number; y: number };
			return { node, x: at.x - NODE_WIDTH / 2, y: at.y - NODE_HEIGHT / 2 };
		}),
		edges: edges.map((edge, i) => {
			const points = (graph.edge(edge.from, edge.to, String(i)) as { points: { x: number; y: number }[] }).points;
			const middle = points[Math.floor(points.length / 2)] ?? { x: 0, y: 0 };
			return { edge, path: curve(points), label: middle };
		}),
	};
}

function Node({ placed, chosen, root, choose }: { placed: Placed; chosen: boolean; root: boolean; choose: (id: string) => void }) {
	const { node, x, y } = placed;
	return (
		<button type="button" class={`node node-${node.type}${root ? ' node-root' : ''}`} aria-pressed={chosen} style={{ left: `${x}px`, top: `${y}px`, width: `${NODE_WIDTH}px`, height: `${NODE_HEIGHT}px` }} onClick={() => choose(node.id)} title={node.label} data-id={node.id}>
			<span class="node-type">{words(node.type)}{node.evidence ? <span class={`evidence evidence-${node.evidence}`}>evidence: {node.evidence}</span> : null}</span>
			<span class="node-label">{readable(node.label).replace(/^[a-z ]+: /, '')}</span>
			<span class="node-foot">{shortName(node.iss)} · {moment(node.time)}</span>
		</button>
	);
}

export function Graph({ trace, issuers, chosen, choose }: { trace: Trace; issuers: boolean; chosen: string; choose: (id: string) => void }) {
	const layout = useMemo(() => layOut(trace, issuers), [trace, issuers]);
	const [zoom, setZoom] = useState(1);
	const box = useRef<HTMLDivElement>(null);
	const fit = (): void => {
		if (box.current)
			setZoom(Math.max(0.25, Math.min(1, (box.current.clientWidth - 4) / layout.width, (box.current.clientHeight - 4) / layout.height)));
	};
	// At first all of it, if that can be read, and in any case what was asked for.
	useEffect(() => {
		const root = layout.nodes.find((n) => n.node.id === trace.root), view = box.current;
		if (!view || !root)
			return undefined;
		const first = Math.max(ZOOM_READABLE, Math.min(1, (view.clientWidth - 4) / layout.width));
		setZoom(first);
		const frame = requestAnimationFrame(() => view.scrollTo(root.x * first - 20, (root.y + NODE_HEIGHT / 2) * first - view.clientHeight / 2));
		return () => cancelAnimationFrame(frame);
	}, [layout]);
	return (
		<section class="graph-panel" aria-label="Lineage graph">
			<div class="graph-tools">
				<span class="dim">left: what was asked for; right: where it comes from, back to the organisations</span>
				<button type="button" onClick={() => setZoom(Math.min(1.6, zoom * 1.25))} aria-label="Larger">+</button>
				<button type="button" onClick={() => setZoom(Math.max(0.25, zoom / 1.25))} aria-label="Smaller">−</button>
				<button type="button" onClick={fit}>fit</button>
				<button type="button" onClick={() => setZoom(1)}>1:1</button>
			</div>
			<div class="graph" ref={box} style={{ height: `${Math.max(HEIGHT_LEAST, layout.height * zoom + 18)}px` }} tabIndex={0} role="group" aria-label={`${trace.nodes.length} statements; what was asked for is at the left, the organisations are at the right`}>
				<div class="graph-size" style={{ width: `${layout.width * zoom}px`, height: `${layout.height * zoom}px` }}>
					<div class="graph-inner" style={{ width: `${layout.width}px`, height: `${layout.height}px`, transform: `scale(${zoom})` }}>
						<svg width={layout.width} height={layout.height} aria-hidden="true">
							<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0L8,4L0,8z" /></marker></defs>
							{layout.edges.map(({ edge, path, label }) => (
								<g key={edge.from + edge.to + edge.why} class={`edge edge-${edge.why}${edge.from === chosen || edge.to === chosen ? ' edge-chosen' : ''}`}>
									<path d={path} marker-end="url(#arrow)" />
									{edge.why !== 'parent' && <text x={label.x} y={label.y - 3}>{edge.why}</text>}
								</g>
							))}
						</svg>
						{layout.nodes.map((placed) => <Node key={placed.node.id} placed={placed} chosen={placed.node.id === chosen} root={placed.node.id === trace.root} choose={choose} />)}
					</div>
				</div>
			</div>
		</section>
	);
}
