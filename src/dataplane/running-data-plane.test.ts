import { beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../runtime/index.ts';
import { RunningDataPlane } from './running-data-plane.ts';
import { byId, MemoryDataPlane, MemoryKernel, plainNode, servicePort } from './testing/index.ts';

const ports = byId([servicePort(1), servicePort(2)]);
let kernels: Record<'a' | 'b', MemoryKernel>;
let opened: MemoryDataPlane[];
let logs: string[];

/** An agent's process: what it opens is its own, the kernels stay. */
function newProcess(): RunningDataPlane {
  const open = (mode: 'a' | 'b') => () => {
    const dataPlane = new MemoryDataPlane(mode, kernels[mode]);
    opened.push(dataPlane);
    return dataPlane;
  };
  const log = createLogger({ format: 'text', level: 'info', write: (line) => logs.push(line) });
  return new RunningDataPlane({ a: open('a'), b: open('b') }, log);
}

const holds = (mode: 'a' | 'b'): number => kernels[mode].ports.size;

beforeEach(() => {
  kernels = { a: new MemoryKernel(), b: new MemoryKernel() };
  opened = [];
  logs = [];
});

describe('the data plane of the configured mode', () => {
  it('runs once it is started, and says its mode', async () => {
    const running = newProcess();
    expect([running.mode, running.current]).toEqual([undefined, undefined]);
    await running.start('a', ports, plainNode);
    expect([running.mode, holds('a'), holds('b')]).toEqual(['a', 2, 0]);
  });

  it('is complete before the one of the mode before it goes', async () => {
    const running = newProcess();
    await running.start('a', ports, plainNode);
    let whenRemoved = -1;
    const remove = kernels.a.ports.clear.bind(kernels.a.ports);
    kernels.a.ports.clear = () => {
      whenRemoved = holds('b');
      remove();
    };
    await running.start('b', ports, plainNode);
    expect([running.mode, whenRemoved, holds('a'), holds('b')]).toEqual(['b', 2, 0, 2]);
    expect(opened.filter(({ mode, closed }) => mode === 'a' && !closed)).toEqual([]);
  });

  it('leaves the one before it in force when it cannot start, and hands over when it can', async () => {
    const running = newProcess();
    await running.start('a', ports, plainNode);
    kernels.b.failure = new Error('the kernel has no b');
    await expect(running.start('b', ports, plainNode)).rejects.toThrow('the kernel has no b');
    expect([running.mode, holds('a')]).toEqual(['a', 2]);
    kernels.b.failure = undefined;
    await running.start('b', ports, plainNode);
    expect([running.mode, holds('a'), holds('b')]).toEqual(['b', 0, 2]);
  });

  it('serves although the one before it cannot be removed; that is said once, and tried until it can', async () => {
    const running = newProcess();
    await running.start('a', ports, plainNode);
    kernels.a.failure = new Error('busy');
    await running.start('b', ports, plainNode);
    expect([running.mode, holds('a'), holds('b')]).toEqual(['b', 2, 2]);
    await running.removeOthers();
    expect(logs).toHaveLength(1);
    expect(logs[0]).toContain('cannot remove the mode before; the new one serves, and the next sync tries again');
    expect(logs[0]).toContain('mode=a error=busy');
    kernels.a.failure = undefined;
    await running.removeOthers();
    expect([holds('a'), holds('b')]).toEqual([0, 2]);
    kernels.a.writes.length = 0;
    await running.removeOthers();
    expect(kernels.a.writes).toEqual([]);
  });

  it('removes what an agent with another mode has left, also when that was stopped between the two', async () => {
    await newProcess().start('a', ports, plainNode);
    const next = newProcess();
    await next.start('b', ports, plainNode);
    expect([next.mode, holds('a'), holds('b')]).toEqual(['b', 0, 2]);
  });

  it('is not touched by an agent whose configuration names a mode that does not exist', async () => {
    const running = newProcess();
    await running.start('a', ports, plainNode);
    await expect(running.start('c', ports, plainNode)).rejects.toThrow('there is no data plane for mode c');
    expect([running.mode, holds('a')]).toEqual(['a', 2]);
  });
});
