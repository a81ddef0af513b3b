// The head of every page: where to go, and whether what is shown is live.
import { effect, signal } from '@preact/signals';
import { shortName } from '../format';
import { floors, node, now, openAlarms, problem, serving } from '../state/app';
import { address, route } from '../state/route';
import { nextTheme, theme } from '../state/theme';
import { LinkPill } from './bits';

function Tally() {
	return <svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="6" /><path d="M8 8v16M13 8v16M18 8v16M23 8v16M5 22 27 10" /></svg>;
}

const places = [
	{ view: '', name: 'Shop floor', also: ['machine'] },
	{ view: 'alarms', name: 'Alarms', also: [] },
	{ view: 'ledger', name: 'Ledger', also: ['statement', 'consortium'] },
	{ view: 'lineage', name: 'Lineage', also: [] },
];

function Places() {
	const here = route.value.view, waiting = openAlarms.value.filter(({ it }) => it.state.startsWith('unack')).length;
	return (
		<nav class="places" aria-label="Views">
			{places.map((place) => {
				const current = place.view === here || (place.also as string[]).includes(here);
				return (
					<a key={place.view} href={address(place.view)} aria-current={current ? 'page' : undefined}>
						{place.name}{place.view === 'alarms' && waiting > 0 ? <span class="badge" aria-label={`${waiting} not acknowledged`}>{waiting}</span> : null}
					</a>
				);
			})}
		</nav>
	);
}

const themeNames = { auto: '◐ auto', light: '○ light', dark: '● dark' };

export function Bar() {
	const state = node.value;
	return (
		<header class="bar">
			<a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById('main')?.focus(); }}>Skip to the content</a>
			<a class="brand" href="#/"><Tally /><b>Tallystick</b>{state?.picture.value ? <span class="brand-org" title={state.picture.value.org}>{shortName(state.picture.value.org)}</span> : null}</a>
			<Places />
			<div class="links">
				{state && <LinkPill name="node" state={state.stream.state.value} title="Live stream of this node" />}
				{floors.value.map((floor) => <LinkPill key={floor.base} name={floors.value.length > 1 ? shortName(floor.gateway) : 'floor'} state={floor.stream.state.value} title={`Live stream of ${floor.gateway}`} />)}
				<button type="button" class="theme" onClick={nextTheme} aria-label={`Colours: ${theme.value}. Change them.`}>{themeNames[theme.value]}</button>
			</div>
		</header>
	);
}

const STALE_MS = 5000;

// Sentences about what does not work; nothing when all is well.
export function Notices() {
	const said: string[] = [];
	if (serving.value === 'nobody')
		said.push(`${problem.value} Trying again.`);
	const at = now.value, state = node.value;
	if (state && state.stream.state.value !== 'live' && at - state.stream.heard.value > STALE_MS)
		said.push(`The node has said nothing for ${seconds(at - lastNode.value)} s: what is shown of the ledger is old. Reconnecting.`);
	for (const floor of floors.value) {
		const age = floor.summary.value ? floor.now() - floor.summary.value.time_ms : 0;
		if (floor.stream.state.value === 'down')
			said.push(`The gateway ${floor.gateway} is not heard: values and ages of its machines are ${age > 1500 ? seconds(age) + ' s old' : 'old'}. Reconnecting.`);
		else if (floor.summary.value?.caught_up === false)
			said.push(`The gateway ${floor.gateway} is still reading the ledger; models and bounds may be incomplete for a moment.`);
	}
	return <div class="notices" role="status">{said.map((text) => <p key={text.slice(0, 40)} class="notice">{text}</p>)}</div>;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(0);

// When the node was last heard.
const lastNode = signal(Date.now());
effect(() => {
	if (node.value?.picture.value)
		lastNode.value = Date.now();
});
