// Server-sent events that reconnect by themselves. A stream that is open but silent counts as broken: all streams
// here carry at least one event a second.
import { signal } from '@preact/signals';

export type LinkState = 'connecting' | 'live' | 'down';

const SILENT_MS = 6000;
const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 8000;
// A page that nobody sees gives its connection back: browsers permit few to one address.
const HIDDEN_MS = 60_000;

export class Stream {
	readonly state = signal<LinkState>('connecting');
	// When the last event came, by this computer's clock.
	readonly heard = signal(0);
	private source: EventSource | null = null;
	private retryMs = RETRY_FIRST_MS;
	private timer: ReturnType<typeof setTimeout> | undefined;
	private readonly watch: ReturnType<typeof setInterval>;
	private closed = false;
	private resting = false;
	private away: ReturnType<typeof setTimeout> | undefined;
	private readonly seen = (): void => this.visibility();

	constructor(private readonly url: string, private readonly handlers: Record<string, (data: never) => void>, private readonly opened: () => void) {
		this.watch = setInterval(() => this.check(), 1000);
		document.addEventListener('visibilitychange', this.seen);
		this.connect();
	}

	private connect(): void {
		const source = new EventSource(this.url);
		this.source = source;
		this.heard.value = Date.now();
		source.onopen = () => {
			this.heard.value = Date.now();
			this.opened();
		};
		source.onerror = () => this.lost();
		for (const [name, handle] of Object.entries(this.handlers)) {
			source.addEventListener(name, (event) => {
				let data: unknown;
				try {
					data = JSON.parse((event as MessageEvent<string>).data);
				} catch {
					return; // half an event: the next one is whole
				}
				this.heard.value = Date.now();
				this.state.value = 'live';
				this.retryMs = RETRY_FIRST_MS;
				handle(data as never);
			});
		}
	}

	private lost(): void {
		if (this.closed || this.timer !== undefined)
			return;
		this.source?.close();
		this.state.value = 'down';
		this.timer = setTimeout(() => {
			this.timer = undefined;
			this.connect();
		}, this.retryMs);
		this.retryMs = Math.min(RETRY_LAST_MS, this.retryMs * 2);
	}

	private check(): void {
		if (!this.resting && this.timer === undefined && Date.now() - this.heard.value > SILENT_MS)
			this.lost();
	}

	private visibility(): void {
		clearTimeout(this.away);
		if (document.hidden) {
			this.away = setTimeout(() => {
				this.resting = true;
				clearTimeout(this.timer);
				this.timer = undefined;
				this.source?.close();
				this.state.value = 'connecting';
			}, HIDDEN_MS);
		} else if (this.resting) {
			this.resting = false;
			this.connect();
		}
	}

	close(): void {
		this.closed = true;
		clearTimeout(this.away);
		document.removeEventListener('visibilitychange', this.seen);
		clearInterval(this.watch);
		clearTimeout(this.timer);
		this.source?.close();
	}
}
