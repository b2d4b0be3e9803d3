// Elements and words. What servers say is put in as text, never as markup.
export const at = (id) => document.getElementById(id);

// An element with attributes and children; what is no node becomes text.
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Writes only what is not there already: untouched nodes cost no layout.
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
export function mark(node, name, value) {
  if (value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

export const number = (value) => (value === undefined ? '–' : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : String(Math.round(value * 100) / 100));
export const rate = (value) => (value === undefined ? '–' : number(value) + '/s');
export const ms = (value) => (value === undefined ? '–' : value >= 1000 ? number(value / 1000) + ' s' : number(value) + ' ms');
export const count = (n, one) => `${n} ${one}${n === 1 ? '' : 's'}`;

// "ok 1.2/s, budget 0.1/s"
export const words = (by) => Object.entries(by ?? {}).map(([word, value]) => `${word.replaceAll('_', ' ')} ${rate(value)}`).join(', ');
export const sum = (by) => Object.values(by ?? {}).reduce((all, value) => all + value, 0);

// The time of day, with the date where it is not today's.
export function when(text) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return '';
  const clock = time.toLocaleTimeString([], { hour12: false });
  return time.toDateString() === new Date().toDateString() ? clock : `${time.toLocaleDateString()} ${clock}`;
}
