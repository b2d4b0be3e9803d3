// Small helpers of the checks.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

export { assert, sleep };
export const text = (result) => result.content?.[0]?.text;

// What a tool said in JSON; anything else is shown as it is.
export function said(result) {
  if (result.isError || text(result) === undefined) throw new Error(`the call ended with ${JSON.stringify(result)}`);
  return JSON.parse(text(result));
}

export async function until(probe, ms, what) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await sleep(10);
  }
}

let count = 0;
export const token = (what) => `${what}_${process.pid}_${++count}`;

// Every page of a list; how many there were is in `pages`.
export async function all(client, what, member = what) {
  const found = [];
  let pages = 0;
  for (let cursor; ; ) {
    const page = await client.list(what, cursor);
    found.push(...page[member]);
    ++pages;
    if (page.nextCursor === undefined) return { found, pages };
    if (pages > 50) throw new Error('more than 50 pages');
    cursor = page.nextCursor;
  }
}

export async function refused(work) {
  try {
    await work;
  } catch (error) {
    if (error.constructor.name === 'WireError') return error;
    throw error;
  }
  throw new Error('there was an answer where an error belongs');
}
