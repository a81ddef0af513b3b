// A member in a table, as the ledger and the consortium show it.
import { address } from '../state/route';

export function MemberName({ member }: { member: { iss: string; name: string; self: boolean; lies?: number; lied?: string } }) {
	return (
		<span title={member.iss}>
			{member.name}{member.self ? <span class="dim"> (this node)</span> : null}
			{member.lies ? <a class="late" title="a statement on the ledger proves it" href={address('statement', member.lied)}> ✕ lied</a> : null}
		</span>
	);
}

export function Connection({ connected }: { connected: boolean }) {
	return <span class={connected ? '' : 'late'}>{connected ? '● connected' : '✕ not connected'}</span>;
}
