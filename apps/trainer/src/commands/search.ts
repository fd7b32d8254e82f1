import { buildCommand, buildRouteMap } from '@stricli/core'
import { type Context, interruptible, loading, loadingList, wholeNumber } from './command.js'
import { engine, imageSize, json, network } from './shared-flags.js'

export interface SearchBuildFlags {
  checkpoint?: string
  network?: 'teacher' | 'student'
  imageSize?: number
  approximate: boolean
  engine: string
  json: boolean
}

export interface SearchBuildOptions extends SearchBuildFlags {
  folder: string
  index: string
}

export interface SearchQueryFlags {
  k: number
  exact: boolean
  html?: string
  checkpoint?: string
  engine: string
  json: boolean
}

export interface SearchQueryOptions extends SearchQueryFlags {
  /** The index, then the images. */
  paths: string[]
}

const { default: _, ...unlessIndexed } = network

const build = buildCommand<SearchBuildFlags, [folder: string, index: string], Context>({
  docs: {
    brief: "Make the features of a folder's images, to search in",
    fullDescription: [
      'The index is a folder. Building it again embeds only files that are new or changed (by size and time), and drops what is',
      'gone; it needs no --checkpoint then. Killed, it goes on from its last minute.',
      '',
      '  dino search build ./photos photos.index --checkpoint runs/demo',
      '  dino search build ./photos photos.index            after photos came or went',
    ].join('\n'),
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { placeholder: 'folder', parse: String, brief: 'folder, glob or list (.txt) of images' },
        { placeholder: 'index', parse: String, brief: 'folder of the index; made if need be' },
      ],
    },
    flags: {
      checkpoint: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'run folder, checkpoint or weights whose features are searched; that of the index if there is one',
      },
      network: {
        ...unlessIndexed,
        optional: true,
        brief: 'which of the two networks of a checkpoint; teacher unless given',
      },
      imageSize,
      approximate: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief:
          'also build an approximate index (usearch): faster queries, some matches missed. Above 50,000 images anyway',
      },
      engine,
      json,
    },
  },
  loader: loading<SearchBuildOptions>(
    async () => interruptible((await import('../search/run-search-build.js')).runSearchBuild),
    'folder',
    'index',
  ),
})

const query = buildCommand<SearchQueryFlags, string[], Context>({
  docs: {
    brief: 'Find the images of an index that look most like others',
    fullDescription: [
      'Prints the most similar images of each query, with the cosine of their features.',
      '',
      '  dino search query photos.index cat.jpg',
      '  dino search query photos.index cat.jpg dog.jpg --k 20 --html found.html',
    ].join('\n'),
  },
  parameters: {
    positional: {
      kind: 'array',
      parameter: {
        placeholder: 'index image',
        parse: String,
        brief: 'folder of the index, then the images to look for',
      },
      minimum: 2,
    },
    flags: {
      k: { kind: 'parsed', parse: wholeNumber(1), default: '10', brief: 'matches of each image' },
      exact: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'compare all, even if there is an approximate index',
      },
      html: { kind: 'parsed', parse: String, optional: true, brief: 'also write a page of the pictures to this file' },
      checkpoint: { kind: 'parsed', parse: String, optional: true, brief: 'the network of the index, if it was moved' },
      engine,
      json,
    },
    aliases: { k: 'k' },
  },
  loader: loadingList<SearchQueryOptions>(
    async () => interruptible((await import('../search/run-search-query.js')).runSearchQuery),
    'paths',
  ),
})

export const search = buildRouteMap<string, Context>({
  routes: { build, query },
  docs: { brief: 'Find similar images in a folder' },
})
