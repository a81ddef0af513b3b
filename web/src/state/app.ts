// Who serves this page, and which shop floors belong to it.
import { computed, signal } from '@preact/signals';
import { Failure, getJson, messageOf } from '../api/http';
import type { Alarm, FloorAnswer, Machine, NodePicture } from '../api/types';
import { Floor } from './floor';
import { NodeState } from './node';

const RETRY_MS = 2000;

export const now = signal(Date.now());
export const node = signal<NodeState | null>(null);
export const floors = signal<Floor[]>([]);
export const serving = signal<'starting' | 'node' | 'gateway' | 'nobody'>('starting');
export const problem = signal('');

export interface OnFloor<T> { floor: Floor; it: T }

export const machines = computed<OnFloor<Machine>[]>(() => floors.value.flatMap((floor) => floor.machines.value.map((it) => ({ floor, it }))));
export const alarms = computed<OnFloor<Alarm>[]>(() => floors.value.flatMap((floor) => floor.alarms.value.map((it) => ({ floor, it }))));
export const openAlarms = computed(() => alarms.value.filter(({ it }) => it.state !== 'cleared'));

export const isActive = (alarm: Alarm): boolean => alarm.state === 'unack_active' || alarm.state === 'acked_active';

const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/;

// A gateway that is named by a loopback address stands beside the node; seen from another computer it has the node's name.
function reachable(url: string): string | null {
	try {
		const parsed = new URL(url);
		if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')
			return null;
		if (loopback.test(parsed.hostname) && !loopback.test(location.hostname))
			parsed.hostname = location.hostname;
		return parsed.origin + parsed.pathname.replace(/\/+$/, '');
	} catch {
		return null;
	}
}

function syncFloors(picture: NodePicture): void {
	const wanted = picture.floors.map((f) => ({ gateway: f.gateway, base: reachable(f.url) })).filter((f): f is { gateway: string; base: string } => f.base !== null);
	const old = floors.peek();
	if (wanted.length === old.length && wanted.every((w) => old.some((f) => f.base === w.base)))
		return;
	old.filter((f) => !wanted.some((w) => w.base === f.base)).forEach((f) => f.close());
	floors.value = wanted.map((w) => old.find((f) => f.base === w.base) ?? new Floor(w.base, w.gateway));
}

async function discover(): Promise<void> {
	try {
		const picture = await getJson<NodePicture>('', '/api/v1/node');
		const state = new NodeState(picture);
		node.value = state;
		serving.value = 'node';
		state.picture.subscribe((p) => p && syncFloors(p));
	} catch (error) {
		if (!(error instanceof Failure) || error.code !== 404)
			throw error;
		const answer = await getJson<FloorAnswer>('', '/api/v1/floor');
		floors.value = [new Floor('', answer.gateway)];
		serving.value = 'gateway';
	}
	problem.value = '';
}

export function start(): void {
	setInterval(() => { now.value = Date.now(); }, 1000);
	const attempt = (): void => {
		discover().catch((error: unknown) => {
			serving.value = 'nobody';
			problem.value = messageOf(error);
			setTimeout(attempt, RETRY_MS);
		});
	};
	attempt();
}
