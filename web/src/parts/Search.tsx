// Find a statement by the beginning of its id.
import { useState } from 'preact/hooks';
import { getJson, messageOf } from '../api/http';
import type { Statement } from '../api/types';
import { address, go } from '../state/route';
import { Problem } from './bits';

export function Search({ view }: { view: 'statement' | 'lineage' }) {
	const [text, setText] = useState(''), [problem, setProblem] = useState('');
	const submit = async (event: Event): Promise<void> => {
		event.preventDefault();
		const id = text.trim().toLowerCase();
		if (!/^[0-9a-f]{4,64}$/.test(id)) {
			setProblem('An id has hexadecimal digits; its first 4 or more are enough.');
			return;
		}
		try {
			const found = await getJson<Statement>('', '/api/v1/statements/' + id);
			setProblem('');
			go(address(view, found.id));
		} catch (error) {
			setProblem(messageOf(error));
		}
	};
	return (
		<form class="search" role="search" onSubmit={(event) => void submit(event)}>
			<label class="hidden" for="search-id">Id of a statement</label>
			<input id="search-id" type="search" placeholder="id of a statement, or its first digits" value={text} onInput={(e) => setText(e.currentTarget.value)} autocomplete="off" spellcheck={false} />
			<button type="submit">Find</button>
			<Problem text={problem} />
		</form>
	);
}
