import { Test } from '@nestjs/testing';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../runtime/index.ts';
import { ManualClock } from '../../runtime/testing/index.ts';
import { CLOCK, LOGGER } from '../injection.ts';
import { ELECTION } from './election.ts';
import { Leadership } from './leadership.ts';
import { Terms } from './terms.ts';
import { HandElection, HandTerms } from './testing/index.ts';

/** A Leadership that has been started; the test decides elections and terms, and turns the clock. */
async function rig() {
  const story: string[] = [];
  const lines: string[] = [];
  const [election, terms, clock] = [new HandElection(story), new HandTerms(story), new ManualClock()];
  const write = (line: string) => void lines.push(line);
  const module = await Test.createTestingModule({
    providers: [
      Leadership,
      { provide: ELECTION, useValue: election },
      { provide: Terms, useValue: terms },
      { provide: LOGGER, useValue: createLogger({ format: 'text', level: 'info', write }) },
      { provide: CLOCK, useValue: clock },
    ],
  }).compile();
  const leadership = module.get(Leadership);
  leadership.start();
  /** Lets everything happen that can without time passing. */
  const settle = () => clock.advance(0);
  return { leadership, election, terms, clock, story, lines, settle };
}

describe('who leads', () => {
  let o: Awaited<ReturnType<typeof rig>>;

  beforeEach(async () => {
    o = await rig();
  });

  test('runs one term from winning to losing, and another the next time', async () => {
    expect(o.leadership.leading).toBe(false);
    o.election.win();
    await o.settle();
    expect(o.leadership).toMatchObject({ leading: true, term: o.terms.last });
    o.terms.last.complete();
    o.election.lose();
    await o.settle();
    o.terms.last.finish();
    await o.settle();
    expect(o.leadership).toMatchObject({ leading: false, term: undefined });
    o.election.win();
    await o.settle();
    expect(o.story).toEqual(['term 1 starts', 'term 1 is told to stop', 'term 1 has ended', 'term 2 starts']);
  });

  test('waits for the end of the last term before the next one begins', async () => {
    o.election.win();
    await o.settle();
    o.terms.last.complete();
    o.election.lose();
    o.election.win();
    await o.settle();
    expect(o.story).toEqual(['term 1 starts', 'term 1 is told to stop']);
    o.terms.last.finish();
    await o.settle();
    expect(o.story.slice(2)).toEqual(['term 1 has ended', 'term 2 starts']);
  });

  test('ends a term that is still starting', async () => {
    o.election.win();
    await o.settle();
    o.election.lose();
    await o.settle();
    expect(o.story).toEqual(['term 1 starts', 'term 1 is told to stop']);
  });

  test('tries again with a new term when one cannot be started, later each time', async () => {
    o.election.win();
    for (const reason of ['no CRDs', 'no CRDs yet']) {
      await o.settle();
      o.terms.last.fail(reason);
      o.terms.last.finish();
      await o.settle();
      expect(o.leadership).toMatchObject({ leading: true, term: undefined });
      await o.clock.advance(60_000);
    }
    expect(o.terms.made).toHaveLength(3);
    expect(o.leadership.term).toBe(o.terms.last);
    expect(o.lines.filter((line) => line.includes('cannot lead')).join()).toMatch(/error="no CRDs".*"no CRDs yet"/s);
  });

  test('tries again when a term cannot even be made', async () => {
    o.terms.impossible = 'the kubeconfig is broken';
    o.election.win();
    await o.settle();
    expect(o.lines.join()).toContain('the kubeconfig is broken');
    o.terms.impossible = undefined;
    await o.clock.advance(60_000);
    expect(o.story).toEqual(['term 1 starts']);
  });

  test('does not try again once another leads', async () => {
    o.election.win();
    await o.settle();
    o.terms.last.fail('no CRDs');
    o.terms.last.finish();
    await o.settle();
    o.election.lose();
    await o.clock.advance(60_000);
    expect(o.terms.made).toHaveLength(1);
  });

  test('gives up the Lease only when nobody is at work any more, and never leads again', async () => {
    o.election.win();
    await o.settle();
    o.terms.last.complete();
    const stopped = o.leadership.stop();
    await o.settle();
    expect(o.story).toEqual(['term 1 starts', 'term 1 is told to stop']);
    o.terms.last.finish();
    await stopped;
    o.election.win();
    await o.settle();
    expect(o.story.slice(2)).toEqual(['term 1 has ended', 'Lease given up']);
    expect(o.leadership.leading).toBe(false);
  });
});

/** The most terms that ran at a time. */
function mostAtOnce(story: readonly string[]): number {
  let [running, most] = [0, 0];
  for (const line of story) {
    if (line.endsWith('starts')) running++;
    if (line.endsWith('has ended')) running--;
    most = Math.max(most, running);
  }
  return most;
}

test('whatever happens, two terms never run at a time, and who leads long enough has one', async () => {
  const event = fc.constantFrom('win', 'lose', 'complete', 'fail', 'finish', 'wait');
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 30 }), async (events) => {
      const { leadership, election, terms, clock, story } = await rig();
      const happen = {
        win: () => election.win(),
        lose: () => election.lose(),
        complete: () => terms.made.at(-1)?.complete(),
        fail: () => terms.made.at(-1)?.fail('no CRDs'),
        finish: () => terms.made.at(-1)?.finish(),
        wait: () => clock.advance(5000),
      };
      let elected = false;
      for (const next of events) {
        // Nobody wins who has won, nor loses who has lost.
        if (next !== (elected ? 'win' : 'lose')) await happen[next]();
        if (next === 'win' || next === 'lose') elected = next === 'win';
        await clock.advance(0);
        expect(leadership.leading).toBe(elected);
      }
      expect(mostAtOnce(story)).toBeLessThanOrEqual(1);
      // What had failed or was over comes to its end, and then there is a term for who leads, and only then.
      for (const term of terms.made) term.finish();
      await clock.advance(120_000);
      expect(leadership.term).toBe(elected ? terms.last : undefined);
      if (!elected) expect(story.at(-1) ?? 'has ended').toMatch(/has ended$/);
    }),
    { numRuns: 60 },
  );
});
