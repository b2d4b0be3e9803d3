// The dashboard: one feed, and what shows it.
import { at, count, mark, put } from './text.js';
import { Feed } from './feed.js';
import { Board } from './servers.js';
import { Totals, showEvents } from './totals.js';
import { act } from './actions.js';
import { startTheme } from './theme.js';

startTheme();
const totals = new Totals();
let board;

// Few sentences at a time: a screen reader reads them all.
function speak(sentences) {
  if (!sentences.length) return;
  const rest = sentences.length - 3;
  put(at('spoken'), sentences.slice(0, 3).join('. ') + (rest > 0 ? `, and ${rest} more` : ''));
}

function link(word, text) {
  mark(at('link'), 'data-state', word);
  put(at('link'), text);
  document.body.classList.toggle('stale', word === 'lost');
}

function changed(names, whole) {
  const { head, servers } = feed.state;
  const spoken = board.update(names, whole);
  totals.update(feed.state);
  const ill = [...servers.values()].filter((one) => one.health === 'unhealthy' || one.health === 'degraded').length;
  const before = at('overall').textContent;
  put(at('overall'), head.status);
  mark(at('overall'), 'data-state', head.status);
  if (before !== 'waiting' && before !== head.status) spoken.unshift(`The gateway is ${head.status}`);
  put(at('about'), `${head.version} · ${count(servers.size, 'server')}${ill ? `, ${ill} not well` : ''}`);
  put(at('drain'), head.draining ? 'Undrain' : 'Drain');
  document.title = ill ? `(${ill}) Weir` : 'Weir';
  speak(spoken);
}

const feed = new Feed('events', { changed, link, events: (fresh, whole) => showEvents(fresh, whole) });
board = new Board(feed);

setInterval(() => {
  if (!feed.state.head.status) return;
  totals.sample(feed.state);
  board.sample();
}, 1000);

at('reload').addEventListener('click', () => act('reload', 'Reload', 'The configuration file is read again. A good one is taken without losing a call; a bad one changes nothing and says why.'));
at('drain').addEventListener('click', () =>
  feed.state.head.draining
    ? act('undrain', 'Undrain', '/readyz says "ready" again.')
    : act('drain', 'Drain', '/readyz says "not ready", so that load balancers in front send no new clients. Calls go on.'),
);
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || at('ask').open) return;
  event.preventDefault();
  at('filter').focus();
});
