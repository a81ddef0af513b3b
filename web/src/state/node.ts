// The node whose page this is: its picture each second, and the newest statements.
import { signal } from '@preact/signals';
import { getExactJson, getJson, messageOf } from '../api/http';
import { Stream } from '../api/stream';
import type { NodePicture, Statement, StatementList } from '../api/types';

const RECENT_MAX = 200;
const KEPT_MAX = 500;

export class NodeState {
	readonly picture = signal<NodePicture | null>(null);
	readonly recent = signal<Statement[]>([]);
	readonly problem = signal('');
	readonly stream: Stream;
	private readonly bodies = new Map<string, Promise<Statement>>();

	constructor(first: NodePicture) {
		this.picture.value = first;
		this.stream = new Stream('/api/v1/events', {
			node: (picture: NodePicture) => { this.picture.value = picture; },
			statement: (statement: Statement) => this.take([statement]),
		}, () => void this.catchUp());
	}

	// What became final while nobody listened.
	private async catchUp(): Promise<void> {
		try {
			const answer = await getJson<StatementList>('', '/api/v1/statements?order=desc&limit=60');
			this.take(answer.statements.filter((s): s is Statement => s !== null));
			this.problem.value = '';
		} catch (error) {
			this.problem.value = messageOf(error);
		}
	}

	private take(statements: Statement[]): void {
		const known = new Set(this.recent.peek().map((s) => s.id));
		const merged = [...statements.filter((s) => !known.has(s.id)), ...this.recent.peek()];
		merged.sort((a, b) => (b.index ?? 0) - (a.index ?? 0));
		this.recent.value = merged.slice(0, RECENT_MAX);
	}

	// A final statement never changes, so it is asked for once.
	statement(id: string): Promise<Statement> {
		let found = this.bodies.get(id);
		if (!found) {
			found = getExactJson<Statement>('', '/api/v1/statements/' + encodeURIComponent(id));
			this.bodies.set(id, found);
			if (this.bodies.size > KEPT_MAX)
				this.bodies.delete(this.bodies.keys().next().value as string);
			found.catch(() => this.bodies.delete(id));
		}
		return found;
	}
}
