import { IsIn, IsOptional, IsString } from 'class-validator';
import { defaultScheduler } from '../defaults.ts';
import { schedulers } from '../types.ts';
import type { ProxySettings, Scheduler } from '../types.ts';
import { Field } from './field.ts';

/** What IPVS does for Services that it serves. */
export class IpvsDto implements NonNullable<ProxySettings['ipvs']> {
  @Field({
    description:
      'Scheduler for Services that name no algorithm: one of the kernel, by its name there. rr takes turns, wlc looks for ' +
      `the fewest open connections by weight. ${defaultScheduler} if left out.`,
    // No default, nor has the field: see kubeProxyManagement.
  })
  @IsOptional()
  @IsIn(schedulers)
  @IsString()
  scheduler?: Scheduler;
}
