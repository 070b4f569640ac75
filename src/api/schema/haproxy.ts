import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { defaultHaproxyImage } from '../agent-settings.ts';
import type { AgentSettings } from '../agent-settings.ts';
import { Field } from './field.ts';

/** The HAProxy beside an agent. */
export class HaproxyDto implements NonNullable<AgentSettings['haproxy']> {
  @Field({ description: `Its image, with HAProxy 3.0 or later and a shell; left out: ${defaultHaproxyImage}.` })
  @IsOptional()
  @IsString()
  @MaxLength(512)
  @Matches(/^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$/, { message: 'must be an image such as registry.example/haproxy:3.0' })
  image?: string;
}
