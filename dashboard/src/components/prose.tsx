// Sentences of the API, with the names in them set as such.

/** The sentence; what stands between backticks is code. */
export const prose = (sentence: string) => sentence.split("`").map((part, place) => (place % 2 ? <code key={place}>{part}</code> : part));
