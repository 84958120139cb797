"""temp"""

from recsys.sources.text import clean_text
