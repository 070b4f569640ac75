import { MessageWriter, Payload } from '../../../netlink/index.ts';
import { decodeElement, joinIntervals } from '../../objects/index.ts';
import type { Element } from '../../objects/index.ts';
import type { FakeChain, FakeRule, FakeSet, FakeTable, Ruleset } from './ruleset.ts';
import { writeElement } from './stored-element.ts';

/** The whole ruleset in the manner of `nft list ruleset`, for people who read why a test failed. */
export function rulesetText(ruleset: Ruleset): string {
  return [...ruleset.tables.values()].map(tableText).join('');
}

function tableText(table: FakeTable): string {
  const owner = table.owner === 0 ? '' : ` # owner ${table.owner}`;
  const blocks = [
    ...[...table.flowtables].map(([name, devices]) => block(`flowtable ${name}`, [...devices])),
    ...[...table.sets.values()].map(setText),
    ...[...table.chains.values()].map((chain) => block(`chain ${chain.name}`, chainLines(chain))),
  ];
  return `table inet ${table.name} {${owner}\n${blocks.join('')}}\n`;
}

function block(title: string, lines: readonly string[]): string {
  return `  ${title} {\n${lines.map((line) => `    ${line}\n`).join('')}  }\n`;
}

function setText(set: FakeSet): string {
  const { name, key, data } = set.definition;
  const types = data === undefined ? key : [...key, ':', ...(data === 'verdict' ? [data] : data)];
  const type = types.join(' . ').replace(' . : . ', ' : ');
  return block(`${data === undefined ? 'set' : 'map'} ${name}`, [`type ${type}`, ...elementsOf(set).map(elementText)]);
}

/** A set's elements as text, ranges put together. */
export function elementsOf(set: FakeSet): Element[] {
  const writer = new MessageWriter();
  for (const element of set.elements.values()) writeElement(writer, element, set.definition.counter === true);
  const marks = [...Payload.of(writer.bytes).attributes()].map(([, item]) => decodeElement(set.definition, item));
  return joinIntervals(set.definition, marks);
}

function elementText({ key, data, timeoutSeconds, packets }: Element): string {
  const timeout = timeoutSeconds === undefined ? '' : ` timeout ${timeoutSeconds}s`;
  const counter = packets === undefined ? '' : ` counter packets ${packets}`;
  return `${key}${timeout}${counter}${data === undefined ? '' : ` : ${data}`}`;
}

function chainLines({ base, rules }: FakeChain): string[] {
  return [
    ...(base === undefined ? [] : [`# ${base.type} hook ${base.hook} priority ${base.priority}`]),
    ...rules.map(ruleText),
  ];
}

function ruleText({ text, comment }: FakeRule): string {
  return comment === undefined ? text : `${text} # ${comment}`;
}
