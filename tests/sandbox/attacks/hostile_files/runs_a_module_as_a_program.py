# task: conv2d.output_size
# expect: broken crashed
import venv.__main__
import asyncio.__main__
import unittest.__main__


def output_size(*args, **kwargs):
    return 0 * len([venv, asyncio, unittest])
