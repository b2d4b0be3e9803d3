// The results of a run as markdown. Nothing in it differs from one run to the next but what passes and fails.
const head = `# The official conformance suite

Made by \`node test/e2e/conformance/run.mjs --all --table docs/conformance.md\` (\`make verify\`). A leg's name says which suite runs
(\`@modelcontextprotocol/conformance\` 0.1.16 or 0.2.0-alpha.12) at which revision, and from which side:

- \`server\`: the suite is the client of the gateway; behind it a fixture on SDK v2 serves over \`http\` or \`stdio\` and speaks the
  \`old\` revisions (to 2025-11-25), the \`new\` one (2026-07-28) or \`both\`.
- \`client\`: the suite is the server behind the gateway; in front of it a client on SDK v2 speaks \`old\` or \`new\`. Scenarios of
  authorization are left out.
- \`direct\`: suite and fixture without a gateway: what fails here is theirs.

A check that is skipped or only warned of counts as failed; so does a scenario in which no check was seen to pass.
`;

// Ports, sessions and times differ.
const steady = (text) => text.replace(/127\.0\.0\.1:\d+|localhost:\d+/g, 'HOST').replace(/\s+/g, ' ').slice(0, 200);

export function table(results) {
  const rows = results.map(({ leg, run, passed, failures, surprises }) => `| ${leg.revision} | ${leg.name} | ${passed} of ${run} | ${failures.length - surprises.length || ''} | ${surprises.length || ''} |`);
  const total = results.reduce((sum, { run, passed }) => ({ run: sum.run + run, passed: sum.passed + passed }), { run: 0, passed: 0 });
  const open = results.flatMap(({ leg, surprises }) => surprises.map((one) => `- ${leg.name}: ${one.scenario}: ${one.name || one.check} ${one.status}: ${steady(one.message)}`));
  const explained = new Map();
  for (const { leg, failures } of results)
    for (const { scenario, check, name, why } of failures)
      if (why) explained.set(why, [...(explained.get(why) ?? []), { leg: leg.name, what: `${scenario}: ${name || check}` }]);
  const list = (values) => [...new Set(values)].join(', ');
  const reasons = [...explained].map(([why, where]) => `- ${list(where.map(({ what }) => what))} (${list(where.map(({ leg }) => leg))}): ${why}`);
  return [
    head,
    '| revision | leg | scenarios passed | checks failed, explained below | others |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    `| | all | ${total.passed} of ${total.run} | | ${open.length || 'none'} |`,
    '',
    '## Why checks fail',
    '',
    ...(reasons.length ? reasons : ['None does.']),
    ...(open.length ? ['', '## Not explained', '', ...open] : []),
    '',
  ].join('\n');
}
