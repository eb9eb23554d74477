/** A model that thinks for a moment before each word. Yours has a network. */

const WORDS_MS = 30

/** @throws Error in the middle of an answer to a prompt that says so */
export async function* generate(prompt: string): AsyncGenerator<string, void, void> {
  const words = `You asked "${prompt}". ${'The answer is a matter of patience. '.repeat(5)}`.match(/\S+\s*/g) ?? []
  for (const [index, word] of words.entries()) {
    await new Promise((resolve) => setTimeout(resolve, WORDS_MS))
    if (prompt === 'fail' && index === 5) throw new Error('The model has lost its thread.')
    yield word
  }
}
