import { describe, expect, it } from 'vitest';
import { servicePort } from '../../dataplane/testing/index.ts';
import type { Quarantined } from '../sync/index.ts';
import { RefusalReporter } from './refusal-reporter.ts';

describe('the owner of a Service of which a port is set aside', () => {
  it('is told by an Event what is wrong, once, and again when something else is or it comes back', () => {
    const events: string[] = [];
    const quarantined = new Map<string, Quarantined>();
    const reporter = new RefusalReporter({
      events: {
        sharedEvent: (object, type, reason, message) =>
          void events.push([type, reason, `${object.namespace}/${object.name}`, message].join(' ')),
      },
      quarantine: { values: () => quarantined.values() },
    });
    const refuse = (reason: string): void => {
      const desired = servicePort(1);
      quarantined.set(desired.port.id, { id: desired.port.id, reason, desired });
      reporter.synced();
    };
    refuse('needs 70000 elements');
    refuse('needs 70000 elements');
    expect(events).toEqual([
      'Warning ServicePortRefused default/service-1 port tcp over IPv4 is set aside: needs 70000 elements',
    ]);
    refuse('EINVAL');
    expect(events).toHaveLength(2);
    quarantined.clear();
    reporter.synced();
    refuse('EINVAL');
    expect(events).toHaveLength(3);
  });
});
