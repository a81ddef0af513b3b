// Requests, and failures as sentences that can be shown.

export class Failure extends Error {
	constructor(sentence: string, readonly code: number) {
		super(sentence);
	}
}

const TIMEOUT_MS = 15_000;

function sentence(text: string): string {
	const trimmed = text.trim();
	if (!trimmed)
		return '';
	return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? '' : '.');
}

async function ask(base: string, path: string, init: RequestInit): Promise<Response> {
	const abort = new AbortController();
	const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
	try {
		return await fetch(base + path, { ...init, signal: abort.signal });
	} catch {
		const who = base || location.origin;
		throw new Failure(abort.signal.aborted ? `${who} took longer than ${TIMEOUT_MS / 1000} s to answer.` : `Nobody answers at ${who}. Is the daemon running, and can this computer reach it?`, 0);
	} finally {
		clearTimeout(timer);
	}
}

// Message numbers have 64 bits, JavaScript's numbers 53: whole numbers that are longer become texts with all their digits.
function parseExactly(text: string): unknown {
	return JSON.parse(text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (part) => (part.startsWith('"') ? part : `"${part}"`)));
}

async function answered<T>(response: Response, exactly = false): Promise<T> {
	let body: unknown = null;
	try {
		body = exactly ? parseExactly(await response.text()) : await response.json();
	} catch {
		throw new Failure(`The answer (status ${response.status}) is not JSON: this address does not belong to a node or gateway.`, response.status);
	}
	if (response.ok)
		return body as T;
	const reason = (body as { reason?: unknown } | null)?.reason;
	throw new Failure(typeof reason === 'string' && reason ? sentence(reason) : `The request was refused (status ${response.status}).`, response.status);
}

export async function getJson<T>(base: string, path: string): Promise<T> {
	return answered<T>(await ask(base, path, {}));
}

export async function getExactJson<T>(base: string, path: string): Promise<T> {
	return answered<T>(await ask(base, path, {}), true);
}

export async function postJson<T>(base: string, path: string, body: unknown): Promise<T> {
	return answered<T>(await ask(base, path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }));
}

export async function getBytes(path: string): Promise<Blob> {
	const response = await ask('', path, {});
	return response.ok ? response.blob() : answered<never>(response);
}

export function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
