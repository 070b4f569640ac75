import { describe, expect, it } from 'vitest';
import { RequestQueue } from './request-queue.ts';

const later = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('requests on one socket', () => {
  it('run one after the other, in the order of the calls', async () => {
    const queue = new RequestQueue();
    const log: string[] = [];
    const slow = queue.run(async () => {
      log.push('slow starts');
      await later(20);
      log.push('slow ends');
      return 'slow';
    });
    const quick = queue.run(() => {
      log.push('quick');
      return 'quick';
    });
    expect(await Promise.all([slow, quick])).toEqual(['slow', 'quick']);
    expect(log).toEqual(['slow starts', 'slow ends', 'quick']);
  });

  it('run at once when nothing is before them', () => {
    const queue = new RequestQueue();
    let ran = false;
    void queue.run(() => (ran = true));
    expect(ran).toBe(true);
  });

  it('go on after one failed', async () => {
    const queue = new RequestQueue();
    const failing = queue.run(async () => {
      await later(5);
      throw new Error('no');
    });
    const next = queue.run(() => 'next');
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('next');
    await expect(
      queue.run(() => {
        throw new Error('at once');
      }),
    ).rejects.toThrow('at once');
    expect(await queue.run(() => 1)).toBe(1);
  });
});
