import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const folder = join(import.meta.dirname, '../../docs/decisions');
const decisions = readdirSync(folder).filter((name) => name !== 'README.md');

describe('a decision', () => {
  it.each(decisions)('%s has a number of its own, status, context, decision, alternatives and consequences', (name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    expect(text).toMatch(new RegExp(`^# ${Number(name.slice(0, 4))}\\. `));
    expect(decisions.filter((other) => other.startsWith(name.slice(0, 4)))).toEqual([name]);
    expect(text).toMatch(/\*\*Status\.\*\* (Accepted|Superseded by \[decision \d+\]).*\.$/m);
    for (const part of ['Context', 'Decision', 'Alternatives', 'Consequences']) expect(text).toContain(`**${part}.**`);
  });

  it.each(decisions)('%s is in the list', (name) => {
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain(`(${name})`);
  });
});
