/** The page as HTML, style and script inside. */
export function page(): Promise<string>
