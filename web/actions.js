// What an operator can do from here: asked once more before, and what came of it is said.
import { at, mark, put } from './text.js';

export function say(text, good) {
  const said = at('said');
  said.hidden = false;
  mark(said, 'data-state', good ? 'healthy' : 'unhealthy');
  put(said, text);
}

// True if the operator wants it.
function confirmed(title, text) {
  const ask = at('ask');
  put(at('ask-title'), title);
  put(at('ask-text'), text);
  put(at('ask-yes'), title);
  ask.showModal();
  at('ask-no').focus();
  return new Promise((done) => {
    const end = (yes) => {
      at('ask-yes').onclick = at('ask-no').onclick = ask.onclose = null;
      if (ask.open) ask.close();
      done(yes);
    };
    at('ask-yes').onclick = () => end(true);
    at('ask-no').onclick = () => end(false);
    ask.onclose = () => end(false);
  });
}

// One sentence of what the gateway answered.
function result(told) {
  if (told.error) return told.error;
  if (told.errors) return told.errors.join('\n');
  if (told.unchanged) return 'the file says what runs already';
  if (told.servers) {
    const { added, removed, kept } = told.servers;
    const restart = told.needs_restart?.length ? `; a restart is needed for ${told.needs_restart.join(', ')}` : '';
    return `${added} added, ${removed} removed, ${kept} kept${restart}`;
  }
  if (told.draining !== undefined) return told.draining ? '/readyz says "not ready" now' : '/readyz says "ready" again';
  return 'done';
}

export async function act(path, title, text) {
  const back = document.activeElement;
  if (await confirmed(title, text)) {
    try {
      const answer = await fetch(path, { method: 'POST', headers: { 'X-Weir-Action': '1' }, redirect: 'error' });
      const raw = await answer.text();
      let told = {};
      try {
        told = JSON.parse(raw);
      } catch {
        told = { error: raw.slice(0, 200) };
      }
      say(`${title}: ${result(told)}${answer.ok ? '' : ` (HTTP status ${answer.status})`}`, answer.ok);
    } catch {
      say(`${title}: the gateway did not answer`, false);
    }
  }
  back?.focus?.();
}
