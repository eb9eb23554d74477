import { defineEventHandler, toWebRequest } from 'h3'
import { handle } from '../../realtime.ts'

export default defineEventHandler((event) => handle(toWebRequest(event)))
