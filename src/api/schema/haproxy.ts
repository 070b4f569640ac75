import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import type { AgentSettings } from '../agent-settings.ts';
import { Field } from './field.ts';

/** The HAProxy beside an agent. */
export class HaproxyDto implements NonNullable<AgentSettings['haproxy']> {
  @Field({
    description:
      'Its image, with HAProxy 3.0 or later and a shell; left out: that of the agents with `-haproxy` behind its name, as in registry.example/nftproxy-haproxy:1.2.3.',
  })
  @IsOptional()
  @IsString()
  @MaxLength(512)
  @Matches(/^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$/, { message: 'must be an image such as registry.example/haproxy:3.0' })
  image?: string;
}
