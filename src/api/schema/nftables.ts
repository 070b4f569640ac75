import { IsIn, IsOptional, IsString } from 'class-validator';
import { fastPaths } from '../types.ts';
import type { FastPath, ProxySettings } from '../types.ts';
import { Field } from './field.ts';

/** What the rules of nftables do beyond choosing an endpoint. */
export class NftablesDto implements NonNullable<ProxySettings['nftables']> {
  @Field({
    description:
      'Enabled: established TCP connections of Services that a node forwards take the fast path of its kernel, if that ' +
      'has flowtables; condition FastPath of the node tells. Their packets then pass no chain of anybody: network ' +
      'policies that change do not reach them. Disabled if left out.',
    // No default, nor has the field: see kubeProxyManagement.
  })
  @IsOptional()
  @IsIn(fastPaths)
  @IsString()
  fastPath?: FastPath;
}
