/** The two colours of an environment. */
export const COLOURS = ['blue', 'green'] as const;
export type Colour = (typeof COLOURS)[number];

/** The colour that is not this one. */
export function otherColour(colour: Colour): Colour {
  return colour === 'blue' ? 'green' : 'blue';
}

export function isColour(text: string): text is Colour {
  return text === 'blue' || text === 'green';
}
