import { colours, picture, rectangle, text } from '../pictures/svg.ts';

/** Who answered how much, by the mode through which requests went. */
export type Answers = ReadonlyMap<string, readonly number[]>;

const row = { height: 34, gap: 14, top: 84, left: 110, width: 520 } as const;

/** A bar for each mode, divided among the endpoints. */
export function drawAnswers(answers: Answers): string {
  const bars = [...answers].flatMap(([mode, counts], index) => {
    const top = row.top + index * (row.height + row.gap);
    const total = counts.reduce((sum, count) => sum + count, 0);
    let left: number = row.left;
    return [
      text(row.left - 12, top + row.height / 2 + 5, mode, { 'text-anchor': 'end', 'font-weight': 600 }),
      ...counts.flatMap((count, endpoint) => {
        const width = (row.width * count) / total;
        const here = left;
        left += width;
        const share = `${Math.round((100 * count) / total)} %`;
        return [
          rectangle([here, top], width, row.height, { fill: colours.series[endpoint % colours.series.length] ?? '' }),
          ...(width > 40 ? [text(here + width / 2, top + row.height / 2 + 5, share, { 'text-anchor': 'middle' })] : []),
        ];
      }),
    ];
  });
  const size = { width: row.left + row.width + 40, height: row.top + answers.size * (row.height + row.gap) + 12 };
  return picture(
    size,
    'One gRPC connection, two endpoints',
    'Share of the requests of one gRPC connection through a ClusterIP that each endpoint answered, by mode.',
    [
      text(size.width / 2, 52, 'who answers: by connection all requests go to one, by request they are spread', {
        'text-anchor': 'middle',
        fill: colours.faint,
      }),
      ...bars,
    ],
  );
}
