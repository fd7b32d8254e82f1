/** Pixels of a picture on the sheet, and between two. */
const SIDE = 96
const GAP = 8
const CAPTION = 20

/**
 * Columns of pictures as one SVG that holds them all: a page or a README shows it without other files.
 *
 * @param columns titles, and PNGs of one row after the other
 */
export function maskSheet(columns: readonly { title: string; pictures: readonly Uint8Array[] }[]): string {
  const rows = Math.max(...columns.map(({ pictures }) => pictures.length))
  const step = SIDE + GAP
  const cells = columns.flatMap(({ title, pictures }, x) => [
    `<text x="${x * step + SIDE / 2}" y="14" text-anchor="middle">${title}</text>`,
    ...pictures.map(
      (png, y) =>
        `<image x="${x * step}" y="${CAPTION + y * step}" width="${SIDE}" height="${SIDE}" href="data:image/png;base64,${Buffer.from(png).toString('base64')}"/>`,
    ),
  ])
  const [width, height] = [columns.length * step - GAP, CAPTION + rows * step - GAP]
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">${cells.join('\n')}</svg>\n`
}
