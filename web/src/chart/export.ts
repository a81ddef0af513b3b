// What a chart shows, as a file of comma-separated values (RFC 4180).
import { iso, reasonName } from '../format';
import type { Board } from './board';
import { Trend } from './trend';

const POINTS = 20_000;

// Quotes and commas stay text, and no cell begins a formula in a spreadsheet.
function cell(value: string | number | null): string {
	if (value === null)
		return '';
	if (typeof value === 'number')
		return String(value);
	const text = /^[=+\-@\t\r]/.test(value) ? "'" + value : value;
	return /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}

function rows(trend: Trend): string[] {
	return trend.t.map((t, i) => [trend.device, trend.id, iso(t), t, trend.value[i] ?? null, trend.unit, trend.predicted[i] ?? null, trend.sigma, trend.residual(i), trend.low, trend.high,
		trend.boundsVersion, trend.modelVersion, trend.flagged[i] ? reasonName(trend.flagged[i] as number) : ''].map(cell).join(','));
}

const heads = 'device,signal,time,time_ms,value,unit,predicted,sigma,residual_sigma,bound_low,bound_high,bounds_version,model_version,flagged';

export async function exportCsv(board: Board): Promise<string> {
	const { from, to } = board.window();
	const lines = [heads];
	for (const shown of board.trends.value) {
		const whole = new Trend(shown.floor, shown.device, shown.id);
		await whole.load(from, to, POINTS);
		if (whole.problem.value)
			throw new Error(whole.problem.value);
		lines.push(...rows(whole));
	}
	return lines.join('\r\n') + '\r\n';
}

export function download(name: string, content: Blob): void {
	const url = URL.createObjectURL(content);
	const link = document.createElement('a');
	link.href = url;
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
