// Which class of classes.mjs a disagreement falls into: the first whose rule fits the bytes that were sent, what Weir said of
// them and what the proxy did. None knows the name of a case. show: where in the bytes it lies.
const lone = (text) => /(^|[^\r])\n/.test(text);
const leading = /(?:^|\})[\r\n]+(?=POST|$)/;
const mirrored = /mcp-[\w-]+|content-type|authorization/i;
const some = (heads, pattern) => heads.some((head) => pattern.test(head));
// The first field of a head that comes again.
const repeated = (heads) => heads.map((head) => {
  const names = head.split('\r\n').slice(1).map((line) => line.split(':')[0].toLowerCase());
  return names.find((name, i) => name !== '' && names.indexOf(name) !== i);
}).find(Boolean) ?? '';
// Weir refuses; the proxy does not, or has not decided. Or the proxy refuses.
const byHttp = ({ ws, said }) => ws === 400 && !said.includes('"code"'); // not by the body
const takes = ({ wd, pd }) => wd.includes('R') && !pd.endsWith('W');
const stays = ({ wd, pd }) => wd.includes('R') && pd.endsWith('W');
const refuses = ({ pd, ps }) => pd.includes('R') && ps >= 400;

export const rules = {
  // The proxy has not decided.
  W1: { when: (f) => stays(f) && f.ws !== 400 && /Expect: 100-continue\r\n/.test(f.text), show: /Expect: [^\r]*/ },
  W2: { when: (f) => stays(f) && f.ws === 505 && /^PRI \* HTTP\/2\.0/.test(f.text), show: /PRI[^\r]*/ },
  W3: { when: (f) => stays(f) && f.ws === 413, show: /Content-Length: [^\r]*|\r\n[18]0{4,5}1ab/ },
  W4: { when: (f) => stays(f) && f.wd === 'R' && !/content-length/i.test(repeated(f.heads)), show: /.{0,20}$/s },
  // Where a message and its lines end.
  F1: {
    when: (f) => f.ws === 400 && (/^content-length$/.test(repeated(f.heads)) || /Content-Length: (\d+), \1\r/.test(f.text)),
    show: /Content-Length: (\d+), \1|Content-Length: [^\r]*\r\n([^\r]+\r\n)*?Content-Length:[^\r]*/i,
  },
  F2: { when: (f) => takes(f) && /both Content-Length and Transfer/.test(f.said), show: /Transfer-Encoding: [^\r]*/ },
  F3: { when: (f) => takes(f) && /Transfer-Encoding in HTTP\/1\.0/.test(f.said), show: /HTTP\/1\.0\r\n/ },
  F4: { when: (f) => takes(f) && /Transfer-Encoding: chunked,\r/.test(f.text), show: /Transfer-Encoding: [^\r]*/ },
  F5: { when: (f) => takes(f) && /folded header lines/.test(f.said), show: /\r\n[ \t][^\r]*/ },
  F6: { when: (f) => takes(f) && f.ws === 400 && f.pd[0] === 'A' && /^GET \S+\r?\n$/.test(f.text), show: /^POST \/mcp[^\r\n]*\n/ },
  F7: {
    when: (f) => takes(f) && /chunk (size line ends|data does not end) in CRLF/.test(f.said),
    show: /[0-9A-Fa-f;a]+\r?\n(?=\{"json)|\}\r?\n(?=0)|\r\n0\n/,
  },
  F8: { when: (f) => takes(f) && /a trailer line ends in CRLF/.test(f.said) && lone(f.after), show: /\r\n\n|b\n/ },
  F9: {
    when: (f) => takes(f) && byHttp(f) && (some(f.heads, /(^|[^\r])\n/) || /(^|\})\n/.test(f.text)),
    show: /(^|[^\r])\n.{0,20}/,
  },
  F10: { when: (f) => takes(f) && byHttp(f) && leading.test(f.text), show: leading },
  // Chunks and trailers.
  C1: { when: (f) => takes(f) && /(^|\r\n)[0-9A-Fa-f]+[ \t]+\r\n/.test(f.after), show: /\r\n1ab[ \t]+\r\n/ },
  C2: {
    when: (f) => takes(f) && /invalid chunk size or extension/.test(f.said) && /(^|\r\n)[0-9A-Fa-f]+[; ]/.test(f.after),
    show: /\r\n(1ab|0)[; ][^\r]*/,
  },
  C3: { when: (f) => takes(f) && /too many chunk extensions|chunk size line too long/.test(f.said), show: /;a+/ },
  C4: { when: (f) => takes(f) && /trailers too large/.test(f.said), show: /\r\n0\r\nX-A: a{0,9}|\r\n0\r\nX/ },
  C5: { when: (f) => takes(f) && f.peer === 'nginx' && /invalid trailer/.test(f.said), show: /\r\n0\r\n[^\r]*\r\n[^\r]*/ },
  C6: {
    when: (f) => takes(f) && f.peer === 'HAProxy' && /invalid trailer/.test(f.said) &&
      /X-A: [^\r]*[\0\x7f]\r|X-A: b\r\n[ \t]/.test(f.after),
    show: /\r\n0\r\n[^\r]*\r\n[^\r]*/,
  },
  C7: { when: (f) => takes(f) && f.peer === 'HAProxy' && /invalid trailer/.test(f.said), show: /\r\n0\r\n[^\r]*/ },
  // The first line.
  R1: {
    when: (f) => takes(f) && f.ws === 400 && /^POST([ \t]{2,}|\t)\S|^POST\s\S+([ \t]{2,}|\t)\S|^POST \S+ \S+ \r\n/.test(f.text),
    show: /^POST?[^\n]*\n/,
  },
  R2: { when: (f) => takes(f) && f.ws === 400 && /^POST [A-Za-z]+:\/\//.test(f.text), show: /[A-Za-z]+:\/\/[^\s]*/ },
  R3: { when: (f) => takes(f) && f.ws === 400 && /^(CONNECT \S+|[A-Z]+ \*) HTTP/.test(f.text), show: /^[A-Z]+ [^\r]*/ },
  R4: { when: (f) => takes(f) && f.ws === 400 && /^POST \/[^ ]*#/.test(f.text), show: /\/mcp[^ ]*#[^ ]*/ },
  R5: {
    when: (f) => takes(f) && /the request target is a path/.test(f.said) && /^POST \/\S*["<>\\^`{|}\x80-\xff]/.test(f.text),
    show: /\/\S*/,
  },
  R6: { when: (f) => takes(f) && /percent encoding/.test(f.said), show: /\/mcp\S*%\S*/ },
  R7: { when: (f) => takes(f) && f.ws === 400 && /^POST \S+ HTTP\/1\.\d\d\r/.test(f.text), show: /HTTP\/1\.\d\d/ },
  R8: { when: (f) => takes(f) && f.ws === 505, show: /HTTP\/\d\.\d/ },
  R9: { when: (f) => takes(f) && f.ws === 501 && /unknown method/.test(f.said), show: /^\S{0,30}/ },
  // The fields.
  H1: {
    when: (f) => takes(f) && f.ws === 400 && (/needs one Host/.test(f.said) || repeated(f.heads) === 'host'),
    show: /HTTP\/1\.1\r\n[^\r]*/,
  },
  H2: { when: (f) => takes(f) && /invalid byte/.test(f.said) && some(f.heads, /\0/), show: /\w{0,9}\0/ },
  H3: { when: (f) => takes(f) && /invalid byte/.test(f.said) && some(f.heads, /\r\r\n/), show: /\w*\r\r\n/ },
  H4: {
    when: (f) => takes(f) && /invalid byte/.test(f.said) && some(f.heads, /[\x01-\x08\x0b-\x0c\x0e-\x1f\x7f]/),
    show: /X-A: [^\r]*/,
  },
  H5: {
    when: (f) => takes(f) && f.peer === 'nginx' && /invalid header field name|needs a colon/.test(f.said),
    show: /\r\n\S{0,12}[^!#$%&'*+.^_`|~0-9A-Za-z:\r\n-][^\r]*(?=\r\n\r\n)|\r\n[^:\r]+(?=\r\n\r\n)/,
  },
  H6: {
    when: (f) => takes(f) && /repeated header field/.test(f.said) && mirrored.test(repeated(f.heads)),
    show: /((?:Mcp|MCP|Content)-[\w-]+): [^\r]*\r\n\1: [^\r]*/,
  },
  // Limits.
  L1: { when: (f) => takes(f) && f.ws === 413, show: /Content-Length: [^\r]*|\r\n[0-9a-f]+\r\n/ },
  L2: { when: (f) => takes(f) && f.ws === 414, show: /^POST \S{0,20}/ },
  L3: { when: (f) => takes(f) && f.ws === 431, show: /(X|Mcp-Param-A0): [^\r]*/ },
  L4: { when: (f) => refuses(f) && f.ps === 413, show: /Content-Length: [^\r]*/ },
  L5: { when: (f) => refuses(f) && f.wd[0] === 'A' && some(f.heads, /[^\r\n]{1024,}/), show: /a{30}|X{30}/ },
  // What a proxy refuses and Weir takes.
  P1: {
    when: (f) => refuses(f) && f.wd[0] === 'A' && some(f.heads, /(Content-Length|Transfer-Encoding): [^\r]*\t/),
    show: /(Content-Length|Transfer-Encoding): [^\r]*/,
  },
  P2: {
    when: (f) => f.wd === 'AA' && f.pd === 'A' && some(f.heads, /Connection: (\S*close\S+|\S+close)\r/),
    show: /Connection: [^\r]*/,
  },
  P3: { when: (f) => f.wd === 'RA' && f.pd === 'R' && /^POST \S*%00/.test(f.text), show: /\/\S*%00/ },
  // Above HTTP: the others pass on what they do not read.
  E1: { when: (f) => takes(f) && f.ws === 404, show: /^\S+ \S+/ },
  E2: { when: (f) => takes(f) && (f.ws === 405 || (f.ws === 400 && /begin with initialize/.test(f.said))), show: /^\S+ \S+/ },
  E3: { when: (f) => takes(f) && f.ws === 415, show: /Content-(Type|Encoding): [^\r]*/i },
  E4: { when: (f) => takes(f) && f.ws === 406, show: /Accept: [^\r]*/ },
  E5: { when: (f) => takes(f) && f.ws === 417, show: /Expect: [^\r]*/ },
  E6: { when: (f) => takes(f) && /"code":-32020/.test(f.said), show: /Mcp[-_]Method: [^\r]*/i },
  E7: { when: (f) => takes(f) && /"code":-32(700|600)/.test(f.said), show: /\r\n\r\n.{0,24}/s },
};

// As many were taken, and another number came to the upstream.
export const reachRules = {
  N1: { when: (f) => /^GET \/health /.test(f.text), show: /^\S+ \S+/ },
  N2: { when: (f) => /^OPTIONS \/mcp /.test(f.text), show: /^\S+ \S+/ },
};

// What the rules look at: text, all bytes; heads, of each request; after, behind the first head; ws and said, Weir's status and
// words where the two part; ps, the proxy's status there; wd and pd, the decisions (observe.mjs).
export function facts(weir, peer, name, wd, pd) {
  const text = weir.sent;
  const pieces = text.split(/(?=(?:POST|GET|HEAD|OPTIONS|DELETE) \/\S* HTTP\/1\.[01]\r\n)/);
  const heads = pieces.map((piece) => /^[\s\S]*?(?:\r?\n\r?\n|$)/.exec(piece)[0]);
  let at = 0;
  while (at < wd.length && wd[at] === pd[at]) ++at;
  const mine = weir.answers[at];
  const ps = peer.answers[at]?.status ?? 0;
  const ws = mine?.status ?? 0;
  return { text, heads, after: text.slice(heads[0].length), wd, pd, peer: name, ws, said: mine?.body ?? '', ps };
}

export const explain = (among, about) => Object.keys(among).find((id) => among[id].when(about));

// The bytes where it lies, printable, within `width`.
export function excerpt(id, text, width) {
  const show = (rules[id] ?? reachRules[id]).show;
  const found = show.exec(text);
  const near = found && found[0].length < 20 ? 14 : 0; // what stands before it
  const at = found ? Math.max(0, found.index - near) : 0;
  const names = { '\r': '\\r', '\n': '\\n', '\t': '\\t', '|': '\\x7c', '`': '\\x60', '\\': '\\\\' };
  const plain = (byte) => names[byte] ?? (/[ -~]/.test(byte) ? byte : `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
  let out = '';
  for (const byte of text.slice(at, found ? found.index + Math.max(found[0].length, 1) : text.length)) {
    if (out.length + plain(byte).length > width) return `${out}...`;
    out += plain(byte);
  }
  return out;
}
