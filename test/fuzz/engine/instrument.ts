import { parseAst } from 'rolldown/parseAst';
import { recorderName } from './coverage.ts';

/*
 * Makes a program tell which way it takes (coverage.ts). Every branch begins with a call that counts it, and what is
 * compared for equality is told. The program does the same as before. By text: the program is parsed, and printed again with the
 * calls in between.
 */

/** A node of ESTree, as far as it matters here. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** A program that counts. */
export interface Instrumented {
  readonly code: string;
  /** By edge, the position in the program that was given. */
  readonly edges: readonly number[];
  /** String constants: words that the program knows. */
  readonly words: readonly string[];
}

/** How a node is printed, instead of as it is. */
type Wrap = 'block' | 'statement' | 'expression' | 'first';

/** Which children of a node begin a branch. */
const branches: Readonly<Record<string, readonly [key: string, wrap: Wrap][]>> = {
  FunctionDeclaration: [['body', 'block']],
  FunctionExpression: [['body', 'block']],
  ArrowFunctionExpression: [['body', 'expression']],
  IfStatement: [
    ['consequent', 'statement'],
    ['alternate', 'statement'],
  ],
  ForStatement: [['body', 'statement']],
  ForInStatement: [['body', 'statement']],
  ForOfStatement: [['body', 'statement']],
  WhileStatement: [['body', 'statement']],
  DoWhileStatement: [['body', 'statement']],
  CatchClause: [['body', 'block']],
  ConditionalExpression: [
    ['consequent', 'expression'],
    ['alternate', 'expression'],
  ],
  LogicalExpression: [['right', 'expression']],
  SwitchCase: [['consequent', 'first']],
};

/** Words longer than this are sentences for people. */
const longestWord = 32;

/**
 * @param program an ES module
 * @param counts whether the code at a position is to be counted; string constants are taken from there, too
 */
export function instrument(program: string, counts: (position: number) => boolean): Instrumented {
  const printer = new Printer(program, counts);
  const body = printer.print(parseAst(program) as unknown as Node);
  const head = `const { edge: __edge, same: __same } = globalThis[${JSON.stringify(recorderName)}];\n`;
  return { code: head + body, edges: printer.edges, words: [...printer.words] };
}

class Printer {
  readonly edges: number[] = [];
  readonly words = new Set<string>();
  readonly #program: string;
  readonly #counts: (position: number) => boolean;

  constructor(program: string, counts: (position: number) => boolean) {
    this.#program = program;
    this.#counts = counts;
  }

  print(node: Node): string {
    if (!this.#counts(node.start) && node.type !== 'Program') return this.#children(node, new Map());
    if (node.type === 'Literal') this.#word(node['value']);
    if (node.type === 'BinaryExpression') return this.#comparison(node);
    const wraps = (branches[node.type] ?? []).flatMap(([key, wrap]): [Node, Wrap][] => {
      const child = node[key];
      const [first] = Array.isArray(child) ? (child as readonly Node[]) : [child];
      return isNode(first) ? [[first, wrap]] : [];
    });
    const text = this.#children(node, new Map(wraps));
    // What comes after an early return is a branch, too.
    const hasNoElse = node.type === 'IfStatement' && !isNode(node['alternate']);
    return hasNoElse ? `${text} else { ${this.#edge(node)}; }` : text;
  }

  /** A call that counts a new edge. */
  #edge(node: Node): string {
    return `__edge(${this.edges.push(node.start) - 1})`;
  }

  #word(value: unknown): void {
    if (typeof value === 'string' && value !== '' && value.length <= longestWord) this.words.add(value);
  }

  #comparison(node: Node): string {
    const { left, right, operator } = node;
    if (typeof operator !== 'string' || !/^[=!]==?$/.test(operator) || !isNode(left) || !isNode(right))
      return this.#children(node, new Map());
    const same = `__same((${this.print(left)}), (${this.print(right)}), ${operator.length === 2})`;
    return operator.startsWith('!') ? `!${same}` : same;
  }

  /** The text of a node: that of its children, and what is between them. */
  #children(node: Node, wraps: ReadonlyMap<Node, Wrap>): string {
    let text = '';
    let position = node.start;
    for (const child of childrenOf(node)) {
      // `{ a }` has the same text as key and as value.
      if (child.start < position) continue;
      text += this.#program.slice(position, child.start) + this.#wrapped(child, wraps.get(child));
      position = child.end;
    }
    return text + this.#program.slice(position, node.end);
  }

  #wrapped(node: Node, wrap: Wrap | undefined): string {
    if (wrap === undefined) return this.print(node);
    const call = this.#edge(node);
    const text = this.print(node);
    if (wrap === 'first') return `${call}; ${text}`;
    if (node.type === 'BlockStatement') return `{ ${call}; ${text.slice(1)}`;
    return wrap === 'statement' ? `{ ${call}; ${text} }` : `(${call}, ${text})`;
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

function childrenOf(node: Node): Node[] {
  return Object.values(node)
    .flatMap((value): unknown[] => (Array.isArray(value) ? (value as unknown[]) : [value]))
    .filter(isNode)
    .sort((a, b) => a.start - b.start);
}
