// Acknowledge alarms: who, and a comment; the gateway signs a statement about it.
import { useEffect, useRef, useState } from 'preact/hooks';
import { messageOf } from '../api/http';
import type { Alarm } from '../api/types';
import { plural, shortName, words } from '../format';
import type { OnFloor } from '../state/app';

const key = 'tally-person';
const COMMENT_MAX = 190;

export function AckDialog({ chosen, close }: { chosen: OnFloor<Alarm>[]; close: () => void }) {
	const dialog = useRef<HTMLDialogElement>(null);
	const people = [...new Set(chosen.flatMap(({ floor }) => floor.people.value))];
	const [person, setPerson] = useState(() => {
		const last = localStorage.getItem(key) ?? '';
		return people.includes(last) ? last : (people[0] ?? '');
	});
	const [comment, setComment] = useState('');
	const [busy, setBusy] = useState(false);
	const [problems, setProblems] = useState<string[]>([]);
	useEffect(() => dialog.current?.showModal(), []);

	const submit = async (event: Event): Promise<void> => {
		event.preventDefault();
		setBusy(true);
		localStorage.setItem(key, person);
		const failed: string[] = [];
		for (const { floor, it } of chosen) {
			try {
				await floor.acknowledge(it, person, comment);
			} catch (error) {
				failed.push(`${shortName(it.device)}, ${words(it.kind)}: ${messageOf(error)}`);
			}
		}
		setBusy(false);
		setProblems(failed);
		if (failed.length === 0)
			dialog.current?.close();
	};

	return (
		<dialog ref={dialog} onClose={close} aria-labelledby="ack-title">
			<form onSubmit={(event) => void submit(event)}>
				<h2 id="ack-title">Acknowledge {plural(chosen.length, 'alarm')}</h2>
				<ul class="ack-list">{chosen.map(({ it }) => <li key={it.id}><b>{shortName(it.device)}</b> {it.explanation}</li>)}</ul>
				{people.length === 0 ? <p class="problem">No person is registered on the ledger. Register one with “tally register” first.</p> : (
					<label>Person
						<select name="person" value={person} onChange={(e) => setPerson(e.currentTarget.value)}>
							{people.map((name) => <option key={name} value={name}>{shortName(name)}</option>)}
						</select>
					</label>
				)}
				<label>Comment
					<textarea name="comment" rows={3} maxLength={COMMENT_MAX} value={comment} onInput={(e) => setComment(e.currentTarget.value)} placeholder="what was seen, what is done" />
				</label>
				<p class="dim">The acknowledgement becomes a statement on the ledger: it names the person and cannot be taken back.</p>
				{problems.map((text) => <p class="problem" role="alert" key={text}>{text}</p>)}
				<div class="dialog-buttons">
					<button type="button" onClick={() => dialog.current?.close()}>Cancel</button>
					<button type="submit" class="primary" disabled={busy || !person}>{busy ? 'Sending …' : 'Acknowledge'}</button>
				</div>
			</form>
		</dialog>
	);
}
