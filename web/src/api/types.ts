// What the node and the gateway send (docs/api.md). Times are milliseconds unless the name says otherwise.

export interface Member { index: number; iss: string; name: string; role: string; address: string; connected: boolean; round: number; self: boolean; lies?: number; lied?: string }

export interface NodePicture {
	org: string; role: string; member: number | null; network: string; genesis: string; epoch: number; epoch_cost: number; epochs_ahead: number; uptime_s: number;
	round: number; highest_round: number; decided_round: number; commits: number; skipped: number; leader_timeouts: number; equivocations: number;
	log_size: number; log_root: string; refused: number; readings: number; anchors: number;
	by_type: Record<string, number>;
	finality_ms: { p50: number | null; p99: number | null; count: number };
	checkpoint: { size: number; lines: number };
	members: Member[]; tolerance: { mode: 'byzantine' | 'strict' | 'crash' | 'single'; may_lie: number; may_be_away: number; must_sign: number };
	floors: { gateway: string; url: string }[];
	pending: number; resident_kb: number;
}

export interface ConsortiumMember {
	index: number; seat: number; iss: string; name: string; role: string; address: string; since_epoch: number; self: boolean; connected: boolean;
	standing?: 'leads' | 'late' | 'lied';
	keys: { record: string; node: string; checkpoint: string; tls: string; root: string };
}
export interface Proposal {
	id: string; change: string; organisation: string; proposer: string; index: number; yes: number; no: number; needed: number; votes: { iss: string; yes: boolean }[];
}
export interface Epoch { number: number; digest: string; members: number; log_size: number; time_ms: number; signed: boolean; joined: string[]; left: string[]; rotated: string[] }
export interface Consortium { epoch: number; quorum: number; members: ConsortiumMember[]; proposals: Proposal[]; epochs: Epoch[] }

export interface Statement {
	id: string; index: number | null; type: string; iss: string; sub: string; seq: number; iat_s: number; commit: number | null; commit_ms: number | null;
	parents: string[]; prev: string | null; size: number; label: string; body?: Record<string, unknown> | null;
}

export interface StatementList { statements: (Statement | null)[]; next: number | null }

export interface TraceNode { id: string; index: number; type: string; iss: string; sub: string; time: number; label: string; evidence: string | null }
export interface TraceEdge { from: string; to: string; why: string }
export interface Trace { root: string; nodes: TraceNode[]; edges: TraceEdge[]; cut: boolean }

export type Health = 'unknown' | 'good' | 'warning' | 'fault';

export interface SignalState {
	id: string; unit: string; value: number | null; time_ms: number | null; status: string; low: number | null; high: number | null;
	predicted: number | null; sigma: number | null; residual: number | null; age_ms: number | null; stale: boolean; active: string | null;
}

export interface Machine {
	device: string; model: string; site: string; state: string; registration: string | null; alarms: number; messages: number;
	health: Health; health_index?: number | null; remaining_s?: number | null; remaining_low_s?: number | null; remaining_high_s?: number | null;
	bounds?: string | null; bounds_version?: number; model_id?: string | null; model_version?: number; signals: SignalState[];
}

export interface Totals {
	messages: number; samples: number; flagged: Record<string, number>; refused: Record<string, number>; repeated: number;
	chunks: number; chunk_bytes: number; chunk_samples: number; anchored: number; statements: number; refused_statements: number; outbox: number;
}

export interface FloorSummary {
	gateway: string; site: string; time_ms: number; node_connected: boolean; broker_connected: boolean; caught_up?: boolean; totals: Totals;
	alarm_us: { p50: number | null; p99: number | null; count: number };
}
export interface FloorAnswer extends FloorSummary { machines: Machine[] }

export type LiveValue = [value: number | null, predicted: number | null, age_ms: number | null, status: string];
export interface LiveMachine { device: string; health: Health; t: number | null; values: Record<string, LiveValue> }
export interface Live { time_ms: number; machines: LiveMachine[] }

export interface Series {
	device: string; signal: string; unit: string; bounds_version: number; model_version: number; low: number | null; high: number | null;
	sigma: number | null | (number | null)[]; t: number[]; value: (number | null)[]; predicted: (number | null)[]; flagged: number[];
}

export interface Marker { t_ms: number; kind: string; device: string; signal: string; text: string; statement: string | null }

export interface Alarm {
	id: string; device: string; signal: string; kind: string; diagnosis: string; priority: number; state: string;
	since_ms: number | null; cleared_ms: number | null; acked_ms: number | null; acked_by: string | null; comment: string | null;
	explanation: string; count: number; statement: string; final: boolean;
}
export interface AlarmsAnswer { alarms: Alarm[]; people: string[] }

// seq is a text where it has more digits than a number holds (getExactJson).
export interface Reading {
	device: string; signal: string; seq: number | string; time_ms: number; received_ms: number; raw: number | null; raw_unit: string; value: number | null; unit: string;
	status: string; reason: string; leaf: string; leaf_index: number; leaf_count: number; path: string[]; chunk: string; anchor: string | null; anchored: boolean;
}
