import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './style/base.css';
import './style/overview.css';
import './style/machine.css';
import './style/tables.css';
import './style/lineage.css';
import { Bar, Notices } from './parts/Bar';
import { Nothing } from './parts/bits';
import { serving, start } from './state/app';
import { route } from './state/route';
import { applyTheme } from './state/theme';
import { Alarms } from './views/Alarms';
import { Consortium } from './views/Consortium';
import { Ledger } from './views/Ledger';
import { Lineage } from './views/Lineage';
import { MachinePage } from './views/MachinePage';
import { Overview } from './views/Overview';
import { StatementPage } from './views/StatementPage';

function View() {
	if (serving.value === 'starting')
		return <Nothing>Asking the node …</Nothing>;
	switch (route.value.view) {
	case '': return <Overview />;
	case 'machine': return <MachinePage />;
	case 'alarms': return <Alarms />;
	case 'ledger': return <Ledger />;
	case 'consortium': return <Consortium />;
	case 'statement': return <StatementPage />;
	case 'lineage': return <Lineage />;
	}
	return <Nothing>There is no view of this name. <a href="#/">Back to the shop floor</a>.</Nothing>;
}

function Page() {
	return (
		<>
			<Bar />
			<Notices />
			<main id="main" tabIndex={-1}><View /></main>
		</>
	);
}

applyTheme();
start();
render(<Page />, document.getElementById('page') as HTMLElement);
