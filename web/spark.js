// Lines of the last minute, one value a second. The page keeps them: the gateway remembers nothing for it.
const kLength = 60;

export class Series {
  values = [];
  push(value) {
    this.values.push(value ?? 0);
    if (this.values.length > kLength) this.values.shift();
  }
}

export function sparkline() {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'spark');
  svg.setAttribute('viewBox', `0 0 ${kLength - 1} 20`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
  svg.append(line);
  return {
    node: svg,
    draw({ values }) {
      const top = Math.max(...values, 0) || 1;
      const from = kLength - values.length;
      const points = values.map((value, i) => `${from + i},${(19 - (18 * value) / top).toFixed(1)}`).join(' ');
      if (line.getAttribute('points') !== points) line.setAttribute('points', points);
    },
  };
}
