// Says in which part of an operation a Problem arose.
import { type Phase, Problem } from '../domain/problem.ts'

export async function during<T>(phase: Phase, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw error instanceof Problem ? error.within({ phase }) : error
  }
}
