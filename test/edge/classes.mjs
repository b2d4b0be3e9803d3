// The classes of disagreement: [side, section, sentence]. side: what the standard says.
//   weir: it demands what Weir does, or forbids what the proxy does; open: it leaves room for both, or demands neither;
//   peer: it demands what the proxy does; above: HTTP has no say: the refusal is MCP's or the endpoint's.
// {peer} is the proxy. What falls into each is in rules.mjs.
export const classes = {
  // The proxy has not decided.
  W1: ['open', 'RFC 9110 §10.1.1',
    'A body is not asked for where the head alone decides (Host, type, length): Weir refuses before 100, {peer} has the ' +
    'body sent first.'],
  W2: ['open', 'RFC 9113 §3.3',
    '{peer} speaks HTTP/2 to whoever begins with its preface, and waits for frames; Weir serves HTTP/1 only.'],
  W3: ['open', 'RFC 9110 §15.5.14',
    'A declared size over the limit is refused at once; {peer} has no limit of bodies by default and waits for all of it.'],
  W4: ['open', 'RFC 9110 §15.5.1',
    'What came can no longer become a valid message within the limits: Weir refuses then; {peer} waits for the rest of the ' +
    'line or of the message.'],
  // Where a message and its lines end.
  F1: ['open', 'RFC 9112 §6.3, RFC 9110 §8.6',
    '{peer} folds equal lengths into one, which a recipient MAY; Weir takes one Content-Length only.'],
  F2: ['open', 'RFC 9112 §6.1',
    '{peer} drops the length, goes by the coding and ends the connection afterwards, which a server MAY; Weir refuses both ' +
    'at once, which it MAY too.'],
  F3: ['open', 'RFC 9112 §6.1',
    'A coding in HTTP/1.0 is faulty framing: {peer} goes by it and ends the connection afterwards; Weir refuses it.'],
  F4: ['peer', 'RFC 9110 §5.6.1.2',
    'Empty members of a list are to be ignored, and {peer} does, but passes them on as they came; Weir takes the one word ' +
    'alone, since what stands behind may not.'],
  F5: ['open', 'RFC 9112 §5.2',
    '{peer} unfolds a folded line, which a server may do instead of refusing; Weir refuses, which a server may do instead ' +
    'of unfolding.'],
  F6: ['open', 'RFC 9112 §2.2',
    '{peer} serves HTTP/0.9; nobody has to since RFC 7230.'],
  F7: ['open', 'RFC 9112 §7.1, RFC 9110 §2.4',
    '{peer} takes a lone LF for the end of a size line or of the data of a chunk: the grammar has CRLF, and the tolerance ' +
    'of RFC 9112 §2.2 is for start line and fields only. Weir is strict.'],
  F8: ['open', 'RFC 9112 §2.2',
    '{peer} takes a lone LF for the end of a trailer or of the last line, which it MAY; Weir is strict.'],
  F9: ['open', 'RFC 9112 §2.2',
    '{peer} takes a lone LF as a line end, which a recipient MAY; Weir is strict.'],
  F10: ['open', 'RFC 9112 §2.2',
    '{peer} skips several line ends (nginx: bare CR too) before a request line. At least one empty line SHOULD be ' +
    'skipped; Weir skips one CRLF.'],
  // Chunks and trailers.
  C1: ['open', 'RFC 9112 §7.1',
    '{peer} skips white space behind the size of a chunk; the grammar has it only before a semicolon. Weir is strict.'],
  C2: ['open', 'RFC 9112 §7.1.1, RFC 9110 §2.4',
    '{peer} skips what stands behind a size up to the line end, unread, whatever bytes it is; Weir takes well-formed ' +
    'extensions only, and ignores those.'],
  C3: ['open', 'RFC 9112 §7.1.1',
    'The length of extensions ought to be limited: Weir takes 256 bytes in a line and 16 KiB in a request; {peer} takes ' +
    'more.'],
  C4: ['open', 'RFC 9112 §7.1.2',
    'Weir takes 8 KiB of trailers; {peer} takes more.'],
  C5: ['open', 'RFC 9112 §7.1.2',
    'nginx discards trailers unread up to the next empty line, be they fields or a request; Weir discards them too, but ' +
    'fields only.'],
  C6: ['open', 'RFC 9112 §5, RFC 9110 §5.5',
    'HAProxy takes control characters and folded lines in trailers, and passes the trailers on; Weir refuses them.'],
  C7: ['open', 'RFC 9112 §5, RFC 9110 §2.4',
    'HAProxy takes trailers whose names are no tokens, in some starts of one version and not in others (see above); Weir ' +
    'refuses them.'],
  // The first line.
  R1: ['open', 'RFC 9112 §3',
    '{peer} splits the first line at white space of more than one space, or of a tab, which it MAY; Weir takes single ' +
    'spaces only.'],
  R2: ['peer', 'RFC 9112 §3.2.2',
    'A server MUST take an absolute target, and {peer} does; Weir serves paths alone, so that no authority but Host has a ' +
    'say.'],
  R3: ['open', 'RFC 9112 §3.2.3, §3.2.4',
    '{peer} passes an asterisk or an authority on as a target; Weir has nothing that they could name.'],
  R4: ['open', 'RFC 9110 §7.1, RFC 9112 §3.2',
    'A request target has no fragment: {peer} cuts it off; Weir refuses it.'],
  R5: ['open', 'RFC 3986 §2, RFC 9112 §3',
    '{peer} passes bytes on that no URI may hold; an invalid first line SHOULD be answered with 400, and Weir does.'],
  R6: ['open', 'RFC 3986 §2.1',
    '{peer} takes a percent sign without two digits (nginx within a query); Weir refuses it.'],
  R7: ['open', 'RFC 9112 §2.3',
    'A version has one digit on either side of its point; {peer} takes two for the minor one.'],
  R8: ['open', 'RFC 9110 §2.5, §15.6.6',
    '{peer} takes another major version in a first line of HTTP/1 (higher ones become 1.1, lower ones go on as they came); ' +
    'Weir answers 505.'],
  R9: ['open', 'RFC 9110 §9.1',
    'Weir knows the methods of RFC 9110 and PATCH, in capitals, and answers 501 to others, which a server SHOULD; {peer} ' +
    'passes on what it does not know.'],
  // The fields.
  H1: ['weir', 'RFC 9112 §3.2',
    'A request without a Host, with an empty one or with two MUST be answered with 400; {peer} passes it on, if the two are ' +
    'equal.'],
  H2: ['weir', 'RFC 9110 §5.5',
    'A NUL in a value MUST be refused or replaced; {peer} passes it on as it is.'],
  H3: ['open', 'RFC 9112 §2.2, RFC 9110 §5.5',
    '{peer} takes LF as the line end and ignores every CR before it; elsewhere a bare CR makes a field invalid, and Weir ' +
    'refuses it here too.'],
  H4: ['open', 'RFC 9110 §5.5',
    'Other control characters are invalid; a recipient MAY keep them, and {peer} passes them on. Weir refuses them.'],
  H5: ['open', 'RFC 9110 §5.1, §2.4',
    'A field whose name is no token, or that has no colon, is left out by nginx in silence and the request goes on; Weir ' +
    'refuses the request.'],
  H6: ['open', 'RFC 9110 §5.3',
    'Who reads the first and who reads the last of two such fields would see two requests: Weir refuses a second one; ' +
    '{peer} does not read them and passes them on.'],
  // Limits.
  L1: ['open', 'RFC 9110 §15.5.14',
    'A body over the limit of Weir (4 MB by default, 64 KB in the runs of the chunked table); {peer} takes it.'],
  L2: ['open', 'RFC 9110 §15.5.15',
    'A target over 8 KiB; {peer} takes it.'],
  L3: ['open', 'RFC 6585 §5',
    'More than 100 fields, or more than 32 mirrored arguments; {peer} takes them.'],
  L4: ['open', 'RFC 9110 §15.5.14',
    '{peer} takes 1 MB of a body by default, Weir 4 MB.'],
  L5: ['open', 'RFC 9112 §3, RFC 6585 §5',
    '{peer} has smaller limits for a line, a name or a head (nginx 8 KiB a line, HAProxy 16 KiB a head) than Weir (target 8 ' +
    'KiB, head 32 KiB).'],
  // What a proxy refuses and Weir takes.
  P1: ['weir', 'RFC 9110 §5.5, RFC 9112 §5.1',
    '{peer} takes spaces alone for white space around a value; a tab is white space too and MUST be left out.'],
  P2: ['weir', 'RFC 9110 §7.6.1',
    '{peer} looks for "close" anywhere in Connection and ends the connection; Weir compares whole options.'],
  P3: ['open', 'RFC 3986 §7.3',
    '{peer} refuses an encoded NUL in a path with 400; to Weir it is a name that no server has, and the connection goes on.'],
  // Above HTTP: the others pass on what they do not read.
  E1: ['above', 'RFC 9110 §15.5.5',
    'Nothing is at that path, or no server has that name: Weir answers 404 itself; {peer} passes any path on.'],
  E2: ['above', 'RFC 9110 §15.5.6',
    'The endpoint has POST, and GET and DELETE for sessions; {peer} passes any method on.'],
  E3: ['above', 'RFC 9110 §15.5.16',
    'A body that is not said to be JSON, or is encoded, is refused; {peer} does not look at types.'],
  E4: ['above', 'RFC 9110 §15.5.7',
    'Whoever does not take JSON cannot be answered; {peer} does not look at Accept.'],
  E5: ['open', 'RFC 9110 §10.1.1',
    'Weir answers 417 to an expectation that is not 100-continue, which a server MAY; {peer} goes on without it.'],
  E6: ['above', 'MCP 2026-07-28, Streamable HTTP',
    'The fields that mirror the body must say the same as the body; {peer} reads neither.'],
  E7: ['above', 'JSON-RPC 2.0',
    'The body, as HTTP frames it, is no JSON-RPC message; {peer} does not read bodies.'],
  N1: ['above', 'RFC 9110 §9.3.1',
    'Weir answers /health itself; {peer} passes it on.'],
  N2: ['above', 'RFC 9110 §9.3.7',
    'Weir answers OPTIONS itself (204); {peer} passes it on.'],
};
