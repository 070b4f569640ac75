import { IsIn, IsInt, IsOptional, IsString } from 'class-validator';
import { defaults } from '../defaults.ts';
import { algorithms, maglevTableSizes } from '../types.ts';
import type { Algorithm } from '../types.ts';
import { Field, Nested } from './field.ts';

class MaglevDto {
  @Field({
    description:
      'Rows of the look-up table of each Service that uses maglev, a prime. More rows share more evenly and move less ' +
      'when endpoints change; each costs a map element (64-96 bytes of kernel memory) per Service address.',
    default: defaults.loadBalancing.maglev.tableSize,
  })
  @IsOptional()
  @IsIn(maglevTableSizes)
  @IsInt()
  tableSize?: number;
}

export class LoadBalancingDto {
  @Field({
    description: 'How new connections are spread over the endpoints of a Service that does not choose for itself.',
    default: defaults.loadBalancing.algorithm,
  })
  @IsOptional()
  @IsIn(algorithms)
  @IsString()
  algorithm?: Algorithm;

  @Field({ description: 'Settings of the maglev algorithm.', default: defaults.loadBalancing.maglev })
  @IsOptional()
  @Nested(() => MaglevDto)
  maglev?: MaglevDto;
}
