// What an open row shows: facts, two lines, every endpoint with its breaker and what happened to it.
import { make, mark, ms, put, rate, when, words } from './text.js';
import { sparkline } from './spark.js';
import { act } from './actions.js';

const kPast = 5; // changes of an endpoint that are shown

// A breaker is a word, or an object with one and more about it.
const breakerOf = ({ breaker }) => (breaker && typeof breaker === 'object' ? breaker : breaker ? { state: breaker } : undefined);

class EndpointPart {
  constructor(row, address) {
    this.state = make('span', { class: 'pill' });
    this.breaker = make('span', { class: 'pill' });
    this.facts = make('span', { class: 'facts' });
    this.reset = make('button', { type: 'button' }, 'Reset breaker');
    this.reset.setAttribute('aria-label', `Reset the breaker of ${address}`);
    this.why = make('p', { class: 'why' });
    this.past = make('ol', { class: 'past', 'aria-label': `What happened to ${address}` });
    this.node = make('li', { class: 'endpoint', 'data-endpoint': address }, this.state, make('span', { class: 'address' }, address), this.facts, make('span', {}, this.breaker, ' ', this.reset), this.why, this.past);
    this.reset.addEventListener('click', () =>
      act(`reset-breaker?server=${encodeURIComponent(row.name)}&endpoint=${encodeURIComponent(address)}`, 'Reset breaker', `The circuit breaker of ${address} (server ${row.name}) closes, and calls go there again.`),
    );
  }
  update(one, events) {
    put(this.state, one.state);
    mark(this.state, 'data-state', one.state);
    put(this.facts, `${one.in_flight} in flight, weight ${one.weight}${one.priority ? `, priority ${one.priority}` : ''}`);
    const breaker = breakerOf(one);
    this.breaker.hidden = this.reset.hidden = !breaker;
    if (breaker) {
      put(this.breaker, `breaker ${breaker.state.replaceAll('_', ' ')}${breaker.since ? ` since ${when(breaker.since)}` : ''}`);
      mark(this.breaker, 'data-state', breaker.state);
    }
    put(this.why, one.reason ? `${one.reason}${one.since ? ` (since ${when(one.since)})` : ''}` : '');
    const told = one.breaker_history ?? breaker?.history ?? [];
    const past = [
      ...told.map((change) => ({ at: change.at, text: `breaker ${change.from} to ${change.to}${change.reason ? ': ' + change.reason : ''}` })),
      ...events.filter((event) => event.endpoint === one.address && !(told.length && event.kind === 'breaker')),
    ];
    past.sort((a, b) => (a.at < b.at ? 1 : -1));
    const lines = past.slice(0, kPast).map((event) => `${when(event.at)} ${event.text}`);
    if (lines.join('\n') !== this.shown) this.past.replaceChildren(...lines.map((line) => make('li', {}, line)));
    this.shown = lines.join('\n');
  }
}

export class Inside {
  parts = new Map();
  constructor(row) {
    this.row = row;
    const figure = (title) => {
      const line = sparkline();
      const caption = make('figcaption', {}, title);
      return { line, caption, node: make('figure', {}, caption, line.node) };
    };
    [this.rates, this.p99] = [figure('requests'), figure('p99')];
    this.facts = make('p', { class: 'facts' });
    this.list = make('ul', { 'aria-label': `Endpoints of ${row.name}` });
    this.node = make('div', { class: 'inside' }, this.facts, make('div', { class: 'pair' }, this.rates.node, this.p99.node), this.list);
  }
  update(server, events) {
    const since = server.health_since ?? server.since;
    const { rates = {}, latency } = server;
    put(this.facts, [
      since && `${server.health} since ${when(since)}`,
      server.state !== 'ready' && server.state + (server.reason ? ': ' + server.reason : ''),
      server.strategy.replaceAll('_', ' '),
      server.panic && 'panic: too few are healthy, all are tried',
      server.tools !== undefined && `${server.tools} tools`,
      server.protocol && `MCP ${server.protocol}`,
      words(rates.retries) && `retries: ${words(rates.retries)}`,
      words(rates.hedges) && `hedges: ${words(rates.hedges)}`,
      words(rates.fallbacks) && `fallbacks: ${words(rates.fallbacks)}`,
      words(rates.rejected) && `refused: ${words(rates.rejected)}`,
    ].filter(Boolean).join(' · '));
    put(this.rates.caption, `requests ${rate(rates.requests)}`);
    put(this.p99.caption, `p99 of calls ${ms(latency?.p99)}`);
    const own = events.filter((event) => event.server === server.name);
    const there = new Set();
    for (const [i, one] of server.endpoints.entries()) {
      const key = `${one.address} ${one.state === 'draining' ? i : ''}`; // one that drains may be back under its address
      const part = this.parts.get(key) ?? new EndpointPart(this.row, one.address);
      this.parts.set(key, part);
      there.add(key);
      part.update(one, own);
      if (this.list.children[i] !== part.node) this.list.insertBefore(part.node, this.list.children[i] ?? null);
    }
    for (const [key, part] of this.parts) {
      if (there.has(key)) continue;
      part.node.remove();
      this.parts.delete(key);
    }
  }
  draw() {
    this.rates.line.draw(this.row.rates);
    this.p99.line.draw(this.row.p99);
  }
}
