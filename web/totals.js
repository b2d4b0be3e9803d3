// What is of no single server: the tiles, what is in force now, the list of events.
import { at, make, ms, put, rate, sum, when, words } from './text.js';
import { Series, sparkline } from './spark.js';

const kTiles = [
  ['Requests', (total) => [rate(total.rates?.requests), ''], (total) => total.rates?.requests],
  ['Errors', (total) => [rate(total.rates?.errors), ''], (total) => total.rates?.errors],
  ['Calls, p99', (total) => [ms(total.latency?.p99), `p50 ${ms(total.latency?.p50)}`], (total) => total.latency?.p99],
  ['In the gateway, p99', (total) => [ms(total.overhead?.p99), `p50 ${ms(total.overhead?.p50)}`], (total) => total.overhead?.p99],
  ['In flight', (total, servers) => [String(servers.reduce((all, one) => all + one.in_flight, 0)), queues(servers)], (total, servers) => servers.reduce((all, one) => all + one.in_flight, 0)],
  ['Retries', (total) => [rate(sum(total.rates?.retries)), words(total.rates?.retries)], (total) => sum(total.rates?.retries)],
  ['Hedges', (total) => [rate(sum(total.rates?.hedges)), words(total.rates?.hedges)], (total) => sum(total.rates?.hedges)],
  ['Refused', (total) => [rate(sum(total.rates?.rejected)), words(total.rates?.rejected)], (total) => sum(total.rates?.rejected)],
];
function queues(servers) {
  const waiting = servers.reduce((all, one) => all + (one.queued ?? 0), 0);
  return waiting ? `${waiting} waiting` : '';
}

export class Totals {
  constructor() {
    this.tiles = kTiles.map(([title, show, value]) => {
      const tile = { show, value, series: new Series(), line: sparkline(), main: make('dd'), more: make('dd', { class: 'more' }) };
      at('totals').append(make('div', {}, make('dt', {}, title), tile.main, tile.more, tile.line.node));
      return tile;
    });
  }
  update({ head, servers }) {
    const all = [...servers.values()];
    for (const tile of this.tiles) {
      const [main, more] = tile.show(head.total ?? {}, all);
      put(tile.main, main);
      put(tile.more, more);
    }
    const force = (head.degradation ?? []).map(({ rule, server }) => `${server || 'All servers'}: the rule of degradation "${rule}" acts.`);
    if (head.draining) force.push('Draining: /readyz says "not ready", so that load balancers in front go elsewhere.');
    for (const one of all) {
      if (one.panic) force.push(`${one.name}: panic, too few endpoints are healthy, so all are tried.`);
    }
    if (force.join('\n') !== this.force) at('force').replaceChildren(...force.map((text) => make('li', {}, text)));
    this.force = force.join('\n');
  }
  sample({ head, servers }) {
    const all = [...servers.values()];
    for (const tile of this.tiles) {
      tile.series.push(tile.value(head.total ?? {}, all));
      tile.line.draw(tile.series);
    }
  }
}

const line = (event) =>
  make('li', { 'data-good': event.good ? 'yes' : 'no' },
    make('time', { datetime: event.at, class: 'dim' }, when(event.at)),
    make('span', { class: 'dim' }, event.kind),
    make('span', {}, event.server ?? 'gateway'),
    make('span', {}, (event.endpoint ? event.endpoint + ' ' : '') + event.text));

// Newest first, no more than are kept.
export function showEvents(fresh, whole) {
  const log = at('log');
  if (whole) log.replaceChildren();
  log.prepend(...fresh.map(line).reverse());
  while (log.children.length > 200) log.lastElementChild.remove();
  at('quiet').hidden = log.children.length > 0;
}
